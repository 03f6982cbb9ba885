"""Timing against a simulated device, and the host's clock against real work."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import count, pairwise

import pytest

from inference_probe.device import HostDevice, cpu_device
from inference_probe.state import Reading
from inference_probe.timing import MAX_BATCH, Bench, Sample
from tests.inference_probe.fakes import FakeDevice


def test_a_sample_is_the_time_of_one_launch() -> None:
    device = FakeDevice(launch_seconds=1e-4)

    sample = Bench(device.kernel(), device).sample()

    assert sample.seconds == pytest.approx(1e-4)


def test_a_batch_is_long_enough_for_the_clock() -> None:
    device = FakeDevice(launch_seconds=3e-4, min_batch_seconds=1e-3)

    assert Bench(device.kernel(), device).batch == 4


def test_a_kernel_too_short_for_the_clock_gets_the_longest_batch() -> None:
    device = FakeDevice(launch_seconds=0.0)

    assert Bench(device.kernel(), device).batch == MAX_BATCH


def test_the_warm_up_stays_out_of_the_sample() -> None:
    device = FakeDevice()
    bench = Bench(device.kernel(), device)
    before = len(device.launches)

    sample = bench.sample()

    assert len(device.launches) - before == bench.batch + 1
    assert sample.busy_seconds == pytest.approx((bench.batch + 1) * 1e-4)


def test_launches_rotate_over_the_inputs() -> None:
    device = FakeDevice()
    bench = Bench(device.kernel(), device)
    device.launches.clear()

    bench.sample()

    steps = {(after - before) % 3 for before, after in pairwise(device.launches)}
    assert steps == {1}


def test_a_wrong_result_is_seen() -> None:
    device = FakeDevice()
    bench = Bench(device.kernel(), device)
    right = bench.sample().correct

    device.corrupt = True

    assert right
    assert not bench.sample().correct


def test_the_host_timer_agrees_with_the_work() -> None:
    def spin() -> None:
        deadline = time.thread_time() + 0.02
        while time.thread_time() < deadline:
            pass

    began = time.perf_counter()
    timing = cpu_device().time(spin)
    elapsed = time.perf_counter() - began

    assert timing.busy_seconds == pytest.approx(0.02, rel=0.1)
    assert 0.02 <= timing.seconds <= elapsed


def test_the_host_timer_sees_an_interruption() -> None:
    def interrupted() -> None:
        time.sleep(0.01)

    timing = cpu_device().time(interrupted)

    assert timing.contended
    assert timing.busy_seconds < 0.005 <= timing.seconds


def test_a_thread_that_fights_for_the_interpreter_is_contention() -> None:
    stop = threading.Event()

    def fight() -> None:
        while not stop.is_set():
            pass

    def work() -> None:
        deadline = time.thread_time() + 0.03
        while time.thread_time() < deadline:
            pass

    rival = threading.Thread(target=fight)
    rival.start()
    timing = cpu_device().time(work)
    stop.set()
    rival.join()

    assert timing.contended


def test_a_gpu_runs_a_batch_as_one_graph_over_whole_sweeps_of_the_inputs() -> None:
    device = FakeDevice(kind="cuda", launch_seconds=2.5e-4)  # four launches, three inputs
    bench = Bench(device.kernel(), device)
    device.launches.clear()

    first, second = bench.sample(), bench.sample()

    assert (device.captures, bench.batch) == (1, 6)
    assert first.seconds == pytest.approx(2.5e-4)
    assert (first.correct, second.correct) == (True, True)


def test_a_kernel_whose_launch_is_measured_is_never_captured() -> None:
    device = FakeDevice(kind="cuda")
    kernel = replace(device.kernel(), in_graph=False)

    Bench(kernel, device).sample()

    assert device.captures == 0


def test_results_another_start_gave_are_the_right_ones() -> None:
    device = FakeDevice()

    assert Bench(device.kernel(), device, [0, 10, 20]).sample().correct is True
    assert Bench(device.kernel(), device, [1, 11, 21]).sample().correct is False


def test_a_result_that_repeats_on_the_third_try_is_taken() -> None:
    device = FakeDevice()
    tries = iter([7, 8, 8])
    kernel = replace(device.kernel(), inputs=1, checksum=lambda: next(tries, 8))

    bench = Bench(kernel, device)

    assert bench.made == [8]
    assert bench.sample().correct is True


def test_a_kernel_whose_results_never_repeat_cannot_be_checked() -> None:
    device, numbers = FakeDevice(), count()
    bench = Bench(replace(device.kernel(), checksum=lambda: next(numbers)), device)

    assert bench.made is None
    assert bench.sample().correct is None


class Saying:
    """A device that says what the test wants."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def read(self) -> Reading:
        return self.reading


UNSAID = Reading()


def sampled(before: Reading, after: Reading = UNSAID) -> Sample:
    device = FakeDevice(kind="cuda", state=Saying(after))
    return Bench(device.kernel(), device).sample(before)


@pytest.mark.parametrize(
    ("utilization", "contended"), [(0.0, False), (0.04, False), (0.06, True), (None, True)]
)
def test_a_gpu_in_use_before_the_sample_makes_it_contended(
    utilization: float | None, contended: bool
) -> None:
    assert sampled(Reading(utilization=utilization)).contended == contended


@pytest.mark.parametrize(
    ("after", "clocks"),
    [
        (Reading(), "raised"),
        (Reading(clock_ratio=0.98, throttled_by=frozenset()), "raised"),
        (Reading(clock_ratio=0.2, throttled_by=frozenset()), "resting"),
        (Reading(clock_ratio=0.9, throttled_by=frozenset({"gpu_idle"})), "resting"),
        (Reading(clock_ratio=0.2, throttled_by=frozenset({"hw_thermal_slowdown"})), "raised"),
    ],
)
def test_low_clocks_for_want_of_work_are_told_from_throttling(after: Reading, clocks: str) -> None:
    assert sampled(Reading(utilization=0.0), after).clocks == clocks


def test_a_thread_kept_from_the_core_is_contention_on_a_simulated_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited = iter([1.0, 1.002])
    monkeypatch.setattr("inference_probe.device._waited", lambda: next(waited))
    device = HostDevice(label="sim:0", name="simulated", run=lambda launch, _: launch())

    assert device.time(lambda: time.sleep(0.01)).contended
