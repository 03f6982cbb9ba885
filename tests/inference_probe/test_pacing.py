"""The duty is kept, and no stall makes the probe blind for hours."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from inference_probe.pacing import LONGEST_REST, Pacer
from inference_probe.probe import Probe, run
from tests.inference_probe.fakes import FakeDevice, probe_on


def play(probe: Probe, device: FakeDevice, rounds: int) -> list[float]:
    """Run so many rounds in the device's time; the rests between them."""
    stop, rests = threading.Event(), []

    def wait(seconds: float) -> None:
        device.now += seconds
        rests.append(seconds)
        if len(rests) == rounds:
            stop.set()

    run(probe, after_round=lambda: None, stop=stop, clock=lambda: device.now, wait=wait)
    return rests


@pytest.mark.parametrize("launch_seconds", [1e-5, 1e-3, 0.05])
def test_the_duty_is_kept_whatever_a_kernel_takes(tmp_path: Path, launch_seconds: float) -> None:
    device = FakeDevice(launch_seconds=launch_seconds)
    probe = probe_on(device, tmp_path, interval_seconds=10.0, duty_ratio=0.001)
    began, before = device.now, sum(device.passed)

    play(probe, device, 20)

    busy, elapsed = sum(device.passed) - before, device.now - began
    assert busy / elapsed <= 0.001 + 1e-9
    assert probe.pacer.duty == pytest.approx(busy / elapsed, rel=1e-6)
    assert elapsed > 199


def test_a_round_that_stalls_for_twenty_seconds_costs_no_long_rest(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path, interval_seconds=10.0, duty_ratio=0.001)
    play(probe, device, 5)

    device.stall = 20.0
    stalled = play(probe, device, 1)
    after = play(probe, device, 3)

    assert max(*stalled, *after) <= 10.0


def test_a_stall_of_the_very_first_round_rests_ten_minutes_at_most(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path, interval_seconds=10.0, duty_ratio=0.001)
    device.stall = 20.0

    assert play(probe, device, 1) == [pytest.approx(LONGEST_REST - 20.0, abs=0.1)]


def test_a_lastingly_slow_device_is_charged_in_full_again() -> None:
    pacer = Pacer(10.0, 0.001)
    for _ in range(9):
        pacer.charge("gemm", 1e-3)

    charged = [pacer.charge("gemm", 0.02) for _ in range(9)]

    assert charged[0] == pytest.approx(3e-3)
    assert charged[-1] == pytest.approx(0.02)


def test_a_device_too_slow_for_its_duty_is_still_looked_at_and_the_excess_is_told() -> None:
    pacer = Pacer(10.0, 0.001)
    for _ in range(20):
        charged = pacer.charge("gemm", 2.0)
        pacer.note(charged, pacer.period(charged))

    assert pacer.period(2.0) == LONGEST_REST
    assert pacer.duty == pytest.approx(2.0 / 600)


def test_an_interval_longer_than_the_longest_rest_is_kept() -> None:
    assert Pacer(3600.0, 0.001).period(10.0) == 3600.0


def test_nothing_is_said_of_the_duty_before_the_first_round() -> None:
    assert Pacer(10.0, 0.001).duty is None
