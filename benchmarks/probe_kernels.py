"""The kernel probe on a real device: is its time true, and what does it take from others?

Run as `python -m benchmarks.probe_kernels [--device cuda:0] [--seconds 20] [--rounds 3] [--json
FILE]`. Each kernel's time is compared with that of CUPTI (torch.profiler) on a GPU, and with
the thread's CPU time on a CPU. Duty and memory are those of the default config. Interference is
the p99 of a decode loop in another process, with the probe and without it by turns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch
from torch._C._autograd import DeviceType

from benchmarks._rounds import table, write_json
from inference_probe.config import ProbeSection
from inference_probe.device import Device
from inference_probe.kernels import Arena
from inference_probe.kernels.arithmetic import gemm
from inference_probe.opening import open_devices
from inference_probe.probe import Probe, run
from inference_probe.server import prepare, shapes_for
from inference_probe.shapes import presets
from inference_probe.timing import Bench

SAMPLES: Final = 15
REPEATS: Final = 10
LAYERS: Final = 8
"""Matrix products in one step of the decode loop."""
LAUNCH_BOUND: Final = ("launch_latency", "graph_replay")
"""Their time is the gap between kernels, which CUPTI leaves out."""

Seconds = Callable[[Bench, Device], float]


def by_cupti(bench: Bench, device: Device) -> float:
    """Seconds per launch that kernels and copies ran, by the GPU's own activity records."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        device.time(bench.batch_work)
    ran = [
        event.time_range.elapsed_us()
        for event in profile.events() or ()
        if event.device_type == DeviceType.CUDA
    ]
    return float(sum(ran)) * 1e-6 / bench.batch


def by_cpu_time(bench: Bench, _: Device) -> float:
    """Seconds per launch that this thread had a core, on a CPU."""
    began = time.thread_time()
    for _turn in range(REPEATS):
        bench.batch_work()
    return (time.thread_time() - began) / REPEATS / bench.batch


def errors(benches: list[Bench], device: Device) -> dict[str, dict[str, float]]:
    """By kernel: microseconds by the probe and by its judge, and the relative error."""
    judge: Seconds = by_cupti if device.kind == "cuda" else by_cpu_time
    found = {}
    for bench in benches:
        if bench.kernel.name in LAUNCH_BOUND:
            continue
        ours: list[float] = []
        theirs: list[float] = []
        while len(ours) < SAMPLES:
            sample = bench.sample()
            if sample.contended and device.kind == "cpu":
                continue  # interrupted: its CPU time says nothing of the clock's
            ours.append(sample.seconds)
            theirs.append(judge(bench, device))
        probe, other = median(ours), median(theirs)
        found[bench.kernel.name] = {
            "probe_us": 1e6 * probe,
            "judge_us": 1e6 * other,
            "error": probe / other - 1,
        }
    return found


def duty(probe: Probe, seconds: float) -> dict[str, float | None]:
    """Run the probe as it runs by default for so long; what it took."""
    running = Running(probe)
    time.sleep(seconds)
    running.stop()
    report = probe.report()
    return {"duty_ratio": report.duty_ratio, "memory_bytes": report.memory_bytes}


class Running:
    """The probe's loop in a thread."""

    def __init__(self, probe: Probe) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=run,
            kwargs={"probe": probe, "after_round": lambda: None, "stop": self._stop},
        )
        self._thread.start()

    def stop(self) -> None:
        """End after the round that runs."""
        self._stop.set()
        self._thread.join()


def interference(probe: Probe, name: str, seconds: float, rounds: int) -> dict[str, float]:
    """p99 of the decode loop with the probe over that without it, medians of `rounds` rounds."""
    tails: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * rounds):
        probed = bool(turn % 2)
        running = Running(probe) if probed else None
        tails[probed].append(_decode_elsewhere(name, seconds))
        if running:
            running.stop()
    alone, beside = median(tails[False]), median(tails[True])
    return {"alone_p99_ms": alone, "beside_p99_ms": beside, "worse": beside / alone - 1}


def _decode_elsewhere(name: str, seconds: float) -> float:
    command = [sys.executable, "-m", "benchmarks.probe_kernels", "--decode", str(seconds)]
    done = subprocess.run(
        [*command, "--device", name], capture_output=True, text=True, check=True, timeout=600
    )
    return float(json.loads(done.stdout)["p99_ms"])


def decode(name: str, seconds: float) -> float:
    """Run skinny matrix products as a decode loop does; the p99 of one step in milliseconds."""
    device = open_devices(name)[0]
    shapes = presets()[shapes_for(ProbeSection(), device)]
    arena = Arena(shapes, device.torch_device, device.dtype, cache_bytes=device.cache_bytes)
    kernel = gemm("gemm_decode_8", "memory", arena, 8, shapes.hidden, shapes.inner)

    def step() -> None:
        for layer in range(LAYERS):
            kernel.launch(layer % kernel.inputs)

    steps = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        steps.append(device.time(step).seconds)
    steps.sort()
    return 1e3 * steps[int(0.99 * len(steps))]


def main() -> None:
    """Measure and print; write the figures where asked."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--decode", type=float, help="be the decode loop, for so many seconds")
    asked = parser.parse_args()
    if asked.decode:
        print(json.dumps({"p99_ms": decode(asked.device, asked.decode)}))
        return
    result = measure(asked.device, asked.seconds, asked.rounds)
    print(_document(result))
    if asked.json:
        write_json(asked.json, result)


def measure(name: str, seconds: float, rounds: int) -> dict[str, Any]:
    """All figures of one device."""
    device = open_devices(name)[0]
    with tempfile.TemporaryDirectory() as folder:
        section = ProbeSection(baseline_file=Path(folder) / "baseline.json")
        probe = prepare(section, device)
        return {
            "device": device.name,
            "kind": device.kind,
            "kernels": errors([history.bench for history in probe.histories], device),
            "taken": duty(probe, seconds),
            "decode_loop": interference(probe, device.label, seconds, rounds),
        }


def _document(result: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (name, f"{one['probe_us']:.1f}", f"{one['judge_us']:.1f}", f"{100 * one['error']:+.1f} %")
        for name, one in result["kernels"].items()
    ]
    judge = "CUPTI" if result["kind"] == "cuda" else "CPU time"
    taken, loop = result["taken"], result["decode_loop"]
    held = "–" if taken["memory_bytes"] is None else f"{taken['memory_bytes'] / 1e6:.0f} MB"
    took = (
        f"duty {100 * taken['duty_ratio']:.3f} %, memory {held}; decode loop's p99 "
        f"{loop['alone_p99_ms']:.3f} ms alone, {loop['beside_p99_ms']:.3f} ms beside the probe "
        f"({100 * loop['worse']:+.1f} %)"
    )
    head = ("kernel", "probe (µs)", f"{judge} (µs)", "error")
    return f"{result['device']} ({result['kind']})\n\n{table(head, rows)}\n\n{took}"


if __name__ == "__main__":
    main()
