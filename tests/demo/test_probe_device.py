from __future__ import annotations

import os
import threading
import time

import pytest

from demo.device import STATE_VARIABLE, ThrottleReason
from demo.probe_device import (
    BYTES_PER_SECOND,
    LAUNCH_SECONDS,
    PEAK_FLOPS_PER_SECOND,
    simulated_gpus,
)
from demo.service.accelerator import Accelerator, DeviceError
from demo.service.kernels import Device
from exporters.errors import UsageError
from inference_probe.kernels import make_kernels
from inference_probe.peaks import fraction
from inference_probe.shapes import presets
from inference_probe.timing import Bench


@pytest.fixture
def machine(tmp_path, monkeypatch):
    path = tmp_path / "device"
    Accelerator.create(path, 2)
    monkeypatch.setenv(STATE_VARIABLE, str(path))
    return path


def bench_of(device):
    suite = make_kernels(presets()["tiny"], device, ["gemm_prefill"])
    return Bench(suite.kernels[0], device)


def test_every_gpu_of_the_demo_is_probed_under_its_own_label(machine):
    assert [device.label for device in simulated_gpus()] == ["sim:0", "sim:1"]


def test_without_a_state_file_the_error_says_what_to_set(monkeypatch):
    monkeypatch.delenv(STATE_VARIABLE, raising=False)

    with pytest.raises(UsageError, match=STATE_VARIABLE):
        simulated_gpus()


def test_a_healthy_device_takes_a_kernel_s_roofline(machine):
    bench = bench_of(simulated_gpus()[0])
    cost = bench.kernel.cost
    wanted = max(LAUNCH_SECONDS + cost.flops / PEAK_FLOPS_PER_SECOND, cost.bytes / BYTES_PER_SECOND)

    assert bench.sample().seconds == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("cause", ["clocks", "kernels"])
def test_what_slows_the_device_is_found_by_timing_alone(machine, cause):
    benches = [bench_of(device) for device in simulated_gpus()]
    healthy = [bench.sample().seconds for bench in benches]
    sick = Accelerator.attach(machine, 1)
    if cause == "clocks":
        sick.gpu.throttle(ThrottleReason.HW_THERMAL_SLOWDOWN, 0.25)
    else:
        sick.timeline.kernel_time = 4.0

    ratios = [bench.sample().seconds / was for bench, was in zip(benches, healthy, strict=True)]

    assert ratios == [pytest.approx(1.0, rel=0.02), pytest.approx(4.0, rel=0.02)]


def test_a_replica_that_is_slow_by_itself_leaves_the_probe_s_kernels_as_they_were(machine):
    bench = bench_of(simulated_gpus()[0])
    healthy = bench.sample().seconds
    replica, stop = Device(accelerator=Accelerator.attach(machine, 0)), threading.Event()
    replica.slowdown = 5.0

    def serve() -> None:
        while not stop.is_set():
            replica.run(lambda: None, flops=1e7)

    serving = threading.Thread(target=serve)
    serving.start()
    samples = [bench.sample().seconds for _ in range(9)]
    stop.set()
    serving.join()

    assert sorted(samples)[4] == pytest.approx(healthy, rel=0.02)


def test_cores_taken_by_others_are_no_slow_device(machine):
    bench = bench_of(simulated_gpus()[0])
    healthy, end = bench.sample().seconds, time.monotonic() + 1.0

    def burn() -> None:
        while time.monotonic() < end:
            sum(range(1000))

    burners = [threading.Thread(target=burn) for _ in range(2 * (os.cpu_count() or 1))]
    for burner in burners:
        burner.start()
    samples = [bench.sample().seconds for _ in range(9)]
    for burner in burners:
        burner.join()

    assert sorted(samples)[4] == pytest.approx(healthy, rel=0.02)


def test_a_simulated_gpu_reaches_no_more_than_the_roofline_it_is_timed_by(machine):
    device = simulated_gpus()[0]
    suite = make_kernels(presets()["tiny"], device)
    shares = {
        kernel.name: fraction(kernel, Bench(kernel, device).sample().seconds, device.peak)
        for kernel in suite.kernels
    }

    known = [share for share in shares.values() if share is not None]
    assert shares["gemm_prefill"] is not None
    assert shares["launch_latency"] is None
    assert all(0 < share < 1 + 1e-6 for share in known)


def test_a_dead_device_ends_the_probing_of_it(machine):
    bench = bench_of(simulated_gpus()[0])
    Accelerator.attach(machine, 0).timeline.break_contexts()

    with pytest.raises(DeviceError):
        bench.sample()
