"""Timing against a simulated device, and the host's clock against real work."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from inference_probe.device import cpu_device
from inference_probe.timing import MAX_BATCH, Bench
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
