"""Pages of the GPU exporter, read as Prometheus would."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

Found = dict[str, float]


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def samples(text: str) -> Found:
    """Values by `name label=value label=value`."""
    return {
        sample.name
        + "".join(f" {key}={value}" for key, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


COUNTED_HERE = ("gpu_xid", "gpu_events", "gpu_nvml")
"""What the exporter itself counts, which outlives the device."""


def of_gpu(found: Found, gpu: int) -> Found:
    """What one device tells, without what is counted here."""
    return {
        name: value
        for name, value in found.items()
        if f"gpu={gpu}" in name.split() and not name.startswith(COUNTED_HERE)
    }


def family(name: str) -> str:
    """The name of a series without its labels."""
    return name.partition(" ")[0]


def status(found: Found, gpu: int, name: str) -> str:
    """What became of a family of readings."""
    [told] = [
        series.rpartition("=")[2]
        for series in found
        if series.startswith(f"gpu_family_status gpu={gpu} family={name} ")
    ]
    return told


def eventually(check: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.01)
    return False
