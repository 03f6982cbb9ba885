from __future__ import annotations

import multiprocessing
import time
from itertools import pairwise

import pytest

from demo.service.accelerator import Accelerator
from demo.service.kernels import Device
from demo.service.timeline import Timeline
from exporters.errors import UsageError


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "device"
    Accelerator.create(path, 2)
    return path


def take(path, stretches, count):
    device = Accelerator.attach(path, 0)
    for _ in range(count):
        stretches.put(device.launch(0.0, 1.0))


def test_kernels_of_two_processes_never_run_at_once(state):
    context = multiprocessing.get_context("spawn")
    stretches = context.Queue()
    others = [context.Process(target=take, args=(state, stretches, 50)) for _ in range(2)]
    for other in others:
        other.start()
    taken = sorted(stretches.get(timeout=60) for _ in range(100))
    for other in others:
        other.join()

    assert all(end <= begin for (_, end), (begin, _) in pairwise(taken))


def test_a_short_batch_waits_for_no_pass_and_delays_the_next_one(state):
    device = Accelerator.attach(state, 0)
    device.launch(0.0, 10.0)

    assert device.interleave(3.0, 1.0) == (3.0, 4.0)
    assert device.launch(0.0, 1.0) == (11.0, 12.0)


def test_devices_do_not_wait_for_each_other(state):
    first, second = (Accelerator.attach(state, index) for index in (0, 1))
    first.launch(0.0, 60.0)

    assert second.launch(0.0, 1.0) == (0.0, 1.0)


def test_a_throttled_device_is_slower_by_what_is_left_of_its_clocks(state):
    accelerator = Accelerator.attach(state, 0)
    device = Device(accelerator=accelerator)
    _, normal = device.run(lambda: None, flops=37e6)
    accelerator.gpu.throttle(0, 0.5)
    _, throttled = device.run(lambda: None, flops=37e6)

    assert throttled / normal == pytest.approx(2.0, rel=0.01)


def test_a_replica_waits_for_the_kernels_of_others_on_its_device(state):
    other, device = Accelerator.attach(state, 0), Device(accelerator=Accelerator.attach(state, 0))
    started = time.perf_counter()
    other.launch(started, 0.2)

    _, seconds = device.run(lambda: None, flops=0.0)

    assert time.perf_counter() - started >= 0.2
    assert seconds < 0.1


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"make it with Timeline\.create"):
        Timeline.attach(tmp_path / "none", 0)


def test_a_device_that_is_not_there_is_refused(state):
    with pytest.raises(UsageError, match="it has 0 to 1"):
        Accelerator.attach(state, 2)
