"""The probe's loop and its verdict on each kernel, in simulated time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from inference_probe.peaks import peak_of
from inference_probe.probe import TURN, Probe
from inference_probe.state import Reading
from tests.inference_probe.fakes import FakeDevice, probe_on


def rounds(probe: Probe, count: int) -> None:
    for _ in range(count):
        probe.round()


def test_a_planted_slowdown_is_found(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    rounds(probe, 30)
    before = probe.report().kernels[0].slowdown

    device.launch_seconds *= 1.5
    rounds(probe, 9)

    assert before == pytest.approx(1.0)
    assert probe.report().kernels[0].slowdown == pytest.approx(1.5)


def test_a_slowdown_shows_within_five_rounds(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    rounds(probe, 30)

    device.launch_seconds *= 2
    rounds(probe, 5)

    assert probe.report().kernels[0].slowdown == pytest.approx(2.0)


def test_noise_of_a_tenth_stays_within_a_tenth(tmp_path: Path) -> None:
    device, draw = FakeDevice(), random.Random(3)
    probe = probe_on(device, tmp_path)
    seen = []
    for _ in range(500):
        device.launch_seconds = 1e-4 * draw.uniform(0.9, 1.1)
        probe.round()
        seen.append(probe.report().kernels[0].slowdown)

    known = [slowdown for slowdown in seen if slowdown is not None]
    assert 0.9 < min(known) < max(known) < 1.1


def test_contention_is_counted_and_is_no_slowness(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    rounds(probe, 30)

    device.contended, device.launch_seconds = True, 1e-3
    rounds(probe, 40)

    report = probe.report().kernels[0]
    assert (report.idle, report.contended) == (30, 40)
    assert report.slowdown == pytest.approx(1.0)
    assert report.p50 == pytest.approx(1e-3)


def test_a_device_that_is_never_idle_has_no_slowdown(tmp_path: Path) -> None:
    device = FakeDevice(contended=True)
    probe = probe_on(device, tmp_path)

    rounds(probe, 50)

    assert probe.report().kernels[0].slowdown is None


def test_wrong_results_are_counted_and_teach_nothing(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    device.corrupt = True

    rounds(probe, 50)

    assert probe.report().kernels[0].wrong == 50
    assert probe.report().kernels[0].slowdown is None


def test_quantiles_look_back_over_the_window_alone(tmp_path: Path) -> None:
    device = FakeDevice(launch_seconds=1.0)
    probe = probe_on(device, tmp_path, window=100)
    rounds(probe, 10)
    device.launch_seconds = 1e-4
    rounds(probe, 98)
    device.launch_seconds = 2e-4
    rounds(probe, 2)

    report = probe.report().kernels[0]

    assert (report.p50, report.p99) == (pytest.approx(1e-4), pytest.approx(2e-4))


def test_rates_are_cost_over_the_median(tmp_path: Path) -> None:
    device = FakeDevice(launch_seconds=1e-4)
    probe = probe_on(device, tmp_path)
    rounds(probe, 3)

    report = probe.report().kernels[0]

    assert report.flops_per_second == pytest.approx(2e13)
    assert report.bytes_per_second == pytest.approx(1e10)


def test_a_kernel_without_arithmetic_has_no_flops(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path, kernel=device.kernel("device_copy", flops=0.0))
    rounds(probe, 1)

    assert probe.report().kernels[0].flops_per_second is None


def test_the_detector_speaks_once_the_baseline_is_known(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    rounds(probe, 10)
    learning = probe.report().kernels[0].is_slow
    rounds(probe, 20)
    healthy = probe.report().kernels[0].is_slow

    device.launch_seconds *= 1.05
    rounds(probe, 30)

    assert (learning, healthy, probe.report().kernels[0].is_slow) == (None, False, True)


def test_contended_samples_have_a_ratio_of_their_own(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path)
    rounds(probe, 30)
    device.contended, device.launch_seconds = True, 1.7e-4
    rounds(probe, 9)

    report = probe.report().kernels[0]

    assert report.contention == pytest.approx(1.7)
    assert report.slowdown == pytest.approx(1.0)
    assert report.is_slow is False


def test_the_share_of_the_peak_is_that_of_the_device(tmp_path: Path) -> None:
    device = FakeDevice(launch_seconds=1e-3)
    kernel = device.kernel(flops=989.5e9 / 2)
    probe = probe_on(device, tmp_path, kernel=kernel, peak=peak_of(device.name, 132))
    rounds(probe, 3)

    assert probe.report().kernels[0].peak_fraction == pytest.approx(0.5)


def test_reasons_for_low_clocks_are_counted(tmp_path: Path) -> None:
    class Hot:
        def read(self) -> Reading:
            return Reading(0.0, 0.6, frozenset({"hw_thermal_slowdown"}))

    probe = probe_on(FakeDevice(state=Hot()), tmp_path)
    rounds(probe, 3)

    assert probe.report().throttled == {"hw_thermal_slowdown": 3}
    assert probe.report().clock_ratio == 0.6


def test_a_device_that_hangs_in_its_turn_does_not_keep_another_from_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_probe.probe.TURN_SECONDS", 0.01)
    probe = probe_on(FakeDevice(), tmp_path)

    with TURN:
        probe.round()

    assert probe.report().kernels[0].idle == 1
    assert not TURN.locked()
