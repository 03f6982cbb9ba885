"""A device of someone's own making: the probe times it from outside and is told nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from exporters.errors import UsageError
from inference_probe import ProbeSection
from inference_probe.cost import Cost
from inference_probe.device import HostDevice, Launch
from inference_probe.opening import open_devices
from inference_probe.probe import Probe
from inference_probe.report import KernelReport
from inference_probe.server import prepare


@dataclass
class Library:
    """Kernels that take as long as a slow device would, stretched by a factor no one reads."""

    factor: float = 1.0
    launches: list[Cost] = field(default_factory=list)

    def run(self, launch: Launch, cost: Cost) -> None:
        due = time.perf_counter() + self.factor * (0.001 + cost.bytes / 4e9)
        launch()
        self.launches.append(cost)
        time.sleep(max(due - time.perf_counter(), 0.0))


LIBRARY = Library()


def make_devices() -> list[HostDevice]:
    return [HostDevice(label="sim:0", name="simulated H100", uuid="GPU-7", run=LIBRARY.run)]


def make_nothing() -> list[HostDevice]:
    return []


def test_a_factory_named_in_the_config_makes_the_devices() -> None:
    section = ProbeSection(device=f"{__name__}:make_devices")

    device = open_devices(section.device)[0]

    assert (device.label, device.kind, device.uuid) == ("sim:0", "simulated", "GPU-7")


def test_kernels_that_really_take_longer_are_measured_to_be_slower(tmp_path: Path) -> None:
    section = ProbeSection(baseline_file=tmp_path / "b.json", baseline_samples=5)
    probe = prepare(section, make_devices()[0])
    deadline = time.monotonic() + 60
    while any(report.slowdown is None for report in reports_after_round(probe)):
        assert time.monotonic() < deadline

    LIBRARY.factor = 1.5
    found: list[float] = []
    while len(found) < 4 or median(found) != pytest.approx(1.5, rel=0.1):
        assert time.monotonic() < deadline + 60, found
        for _ in range(9):
            probe.round()
        found = [report.slowdown for report in probe.report().kernels if report.slowdown]
    LIBRARY.factor = 1.0


def test_a_plugged_device_that_sleeps_is_not_contended() -> None:
    device = make_devices()[0]

    timing = [device.time(lambda: time.sleep(0.02)) for _ in range(5)]

    assert not all(one.contended for one in timing)
    assert all(one.busy_seconds == one.seconds for one in timing)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("no.such.module:make", "No module named 'no'; name a module on the import path"),
        (f"{__name__}:absent", "has no attribute 'absent'; name a module on the import path"),
        (f"{__name__}:make_nothing", "returned []; it must return a list of HostDevice"),
    ],
)
def test_a_factory_that_cannot_be_used_is_told_in_one_line(wanted: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        open_devices(wanted)

    assert str(error.value).startswith(f"[probe] device = '{wanted}'")
    assert told in str(error.value)


def reports_after_round(probe: Probe) -> list[KernelReport]:
    probe.round()
    return probe.report().kernels
