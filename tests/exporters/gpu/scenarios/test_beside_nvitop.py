"""Unmodified nvitop-exporter beside our exporter on one simulated driver: the same facts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import _gpu_exporters as exporters
from tests.devices import Scenario

Make = Callable[..., Scenario]
Said = dict[tuple[str, ...], float]

MIB = 1 << 20
FACTS = {
    "gpu_utilization_Percentage": ("gpu_utilization_ratio", 0.01),
    "gpu_memory_utilization_Percentage": ("gpu_memory_controller_utilization_ratio", 0.01),
    "gpu_encoder_utilization_Percentage": ("gpu_engine_utilization_ratio encoder", 0.01),
    "gpu_decoder_utilization_Percentage": ("gpu_engine_utilization_ratio decoder", 0.01),
    "gpu_memory_used_MiB": ("gpu_memory_used_bytes", MIB),
    "gpu_memory_free_MiB": ("gpu_memory_free_bytes", MIB),
    "gpu_memory_total_MiB": ("gpu_memory_total_bytes", MIB),
    "gpu_power_usage_W": ("gpu_power_watts", 1),
    "gpu_power_limit_W": ("gpu_power_limit_watts", 1),
    "gpu_temperature_C": ("gpu_temperature_celsius", 1),
    "gpu_clock_sm_MHz": ("gpu_clock_hertz sm", 1e6),
    "gpu_clock_memory_MHz": ("gpu_clock_hertz memory", 1e6),
    "gpu_clock_graphics_MHz": ("gpu_clock_hertz graphics", 1e6),
    "gpu_clock_video_MHz": ("gpu_clock_hertz video", 1e6),
}
"""nvitop-exporter's series: ours, and what theirs is multiplied by."""

PROCESS_FACTS = {
    "process_gpu_memory_MiB": ("gpu_process_memory_used_bytes", MIB),
    "process_gpu_sm_utilization_Percentage": ("gpu_process_sm_utilization_ratio", 0.01),
}


def read(page: str) -> Said:
    """Values by name, device (their `index`, our `gpu`) and any label that tells a part of it."""
    return {
        (
            " ".join((sample.name, *parts(sample.labels))),
            sample.labels.get("gpu", sample.labels.get("index", "")),
            sample.labels.get("pid", ""),
        ): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def parts(labels: dict[str, str]) -> list[str]:
    return [labels[name] for name in ("domain", "engine") if name in labels]


def both(library: Path) -> tuple[Said, Said]:
    """What each says once it knows of both devices and their processes."""
    with exporters.ours(library) as ours, exporters.nvitop(library) as theirs:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            pages = [httpx.get(running.url).text for running in (ours, theirs)]
            ours_said, theirs_said = read(pages[0]), read(pages[1])
            if complete(ours_said, theirs_said):
                break
            time.sleep(0.2)
    return ours_said, theirs_said


def complete(ours: Said, theirs: Said) -> bool:
    """Whether every fact of both devices was told: nvitop-exporter learns them one by one."""
    pid = str(os.getpid())
    of_devices = all((name, gpu, "") in theirs for name in FACTS for gpu in ("0", "1"))
    of_processes = all((name, gpu, pid) in theirs for name in PROCESS_FACTS for gpu in ("0", "1"))
    mine = {(key[0], key[2]) for key in ours}
    return of_devices and of_processes and all((f, pid) in mine for f, _ in PROCESS_FACTS.values())


@pytest.mark.skipif(
    exporters.nvitop_exporter() is None,
    reason="nvitop-exporter is not installed: uv sync --group bench",
)
def test_both_say_the_same_of_the_same_devices(scenario: Make, nvml_library: Path) -> None:
    process = f"Process.0 = pid={os.getpid()} memory=8589934592 sm=40 mem=20"
    scenario("h200", "gpus = 2", "[gpu *]", process, "[gpu 1]", "busy = 0.3", "used = 4194304000")

    ours, theirs = both(nvml_library)

    for name, (our_name, factor) in FACTS.items():
        for gpu in ("0", "1"):
            told = theirs[name, gpu, ""] * factor
            # They round memory down to whole mebibytes.
            tolerance = MIB if factor == MIB else 1e-9
            assert ours[our_name, gpu, ""] == pytest.approx(told, abs=tolerance), (name, gpu)
    for name, (our_name, factor) in PROCESS_FACTS.items():
        pid = str(os.getpid())
        mine = [value for key, value in ours.items() if key[0] == our_name and key[2] == pid]
        assert mine == [pytest.approx(theirs[name, gpu, pid] * factor) for gpu in ("0", "1")]
