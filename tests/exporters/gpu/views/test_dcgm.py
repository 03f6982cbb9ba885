"""The page under dcgm-exporter's names."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)

from exporters.exposition import Exposition
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml
from exporters.gpu.views.dcgm import FIELDS, XID, DcgmView
from tests.devices import Machine, Scenario
from tests.exporters.gpu.pages import Clock, samples
from tests.golden import Golden


@pytest.fixture
def view(
    nvml_library: Path, scenario: Callable[..., Scenario]
) -> Iterator[Callable[..., tuple[GpuExporter, DcgmView]]]:
    opened: list[tuple[GpuExporter, Nvml]] = []

    def make(base: str, *lines: str) -> tuple[GpuExporter, DcgmView]:
        scenario(base, *lines)
        nvml = Nvml(nvml_library)
        clock = Clock()
        exporter = GpuExporter(nvml, clock=clock)
        opened.append((exporter, nvml))
        exporter.sample()
        clock.now += 1
        exporter.sample()
        return exporter, DcgmView(exporter.snapshot, exporter.last_xids, "node-7")

    yield make
    for exporter, nvml in opened:
        exporter.close()
        nvml.close()


def test_names_and_labels_are_those_that_dashboards_read(
    view: Callable[..., tuple[GpuExporter, DcgmView]], golden: Golden
):
    text = view("h200")[1].collect_text()
    first = [
        line.rpartition(" ")[0]
        for line in text.splitlines()
        if line.startswith("#") or 'gpu="0"' in line
    ]

    golden.check("h200.txt", "\n".join(first) + "\n")


def test_values_are_in_dcgms_units(view: Callable[..., tuple[GpuExporter, DcgmView]]):
    exporter, dcgm = view("h200", "[gpu 0]", "Utilization = 60", "Busy = 60")
    ours = samples(exporter.collect_text())
    theirs = {
        name.partition(" ")[0].removeprefix("DCGM_FI_"): value
        for name, value in samples(dcgm.collect_text()).items()
        if " gpu=0 " in name
    }

    assert theirs["DEV_GPU_UTIL"] == pytest.approx(100 * ours["gpu_utilization_ratio gpu=0"])
    assert theirs["DEV_FB_USED"] == ours["gpu_memory_used_bytes gpu=0"] / 2**20
    assert theirs["DEV_FB_TOTAL"] == ours["gpu_memory_total_bytes gpu=0"] / 2**20
    assert theirs["DEV_SM_CLOCK"] == pytest.approx(ours["gpu_clock_hertz gpu=0 domain=sm"] / 1e6)
    assert theirs["DEV_POWER_USAGE"] == ours["gpu_power_watts gpu=0"]
    assert theirs["DEV_TOTAL_ENERGY_CONSUMPTION_total"] == pytest.approx(
        1000 * ours["gpu_energy_joules_total gpu=0"], rel=0.01
    )
    assert theirs["PROF_SM_ACTIVE"] == ours["gpu_sm_active_ratio gpu=0"]
    assert theirs["DEV_XID_ERRORS"] == 0


def test_an_old_device_has_no_profiling_and_its_retired_pages(
    view: Callable[..., tuple[GpuExporter, DcgmView]],
):
    text = view("t4")[1].collect_text()

    assert "DCGM_FI_PROF" not in text
    assert "DCGM_FI_DEV_RETIRED_SBE{" in text
    assert "REMAPPED_ROWS" not in text


def test_a_lost_device_has_no_series(view: Callable[..., tuple[GpuExporter, DcgmView]]):
    exporter, dcgm = view("lost")
    up = {
        name: value for name, value in samples(exporter.collect_text()).items() if "gpu_up" in name
    }
    down = [name.rpartition("=")[2] for name, value in up.items() if not value]

    assert down
    assert all(f'gpu="{gpu}"' not in dcgm.collect_text() for gpu in down)


def test_the_linter_finds_fault_with_nothing_but_dcgms_own_naming(
    view: Callable[..., tuple[GpuExporter, DcgmView]], promtool: Path
):
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=view("h200")[1].collect_text(),
        capture_output=True,
        text=True,
        check=False,
    )

    said = {line.partition(" ")[2] for line in checked.stderr.splitlines()}
    assert checked.stdout == ""
    assert said == {
        'counter metrics should have "_total" suffix',
        "metric name should not include type 'counter'",
        "label names should be written in 'snake_case' not 'camelCase'",
    }


def test_the_last_xid_is_told_and_a_code_without_a_series_is_not(machine: Machine):
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml)
    exporter.start()
    view = DcgmView(exporter.snapshot, exporter.last_xids, "node-7")
    before = exporter.last_xids()
    for code in (48, 79):
        machine.gpus[1].raise_xid(code)
        eventually(lambda code=code: exporter.last_xids().get("1") == code)
    told = {
        name.partition(" UUID")[0]: value
        for name, value in samples(view.collect_text()).items()
        if "XID" in name
    }
    machine.gpus[1].raise_xid(777)
    eventually(lambda: "1" not in exporter.last_xids())
    after = exporter.last_xids()
    exporter.close()
    nvml.close()

    assert before == {"0": 0, "1": 0}
    assert told == {"DCGM_FI_DEV_XID_ERRORS gpu=0": 0, "DCGM_FI_DEV_XID_ERRORS gpu=1": 79}
    assert after == {"0": 0}


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_openmetrics_parsers_take_it_too(view: Callable[..., tuple[GpuExporter, DcgmView]]):
    page = Exposition(view("h200")[1]).render(openmetrics=True).decode()

    found = {family.name: family.type for family in parse_openmetrics(page)}

    assert found["DCGM_FI_DEV_GPU_UTIL"] == "gauge"
    assert found["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] == "unknown"


def test_no_name_stands_twice():
    names = [field.name for field in (*FIELDS, XID)]

    assert sorted(set(names)) == sorted(names)
    assert len(names) > 40
