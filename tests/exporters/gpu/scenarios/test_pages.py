"""What the exporter says of each shipped scenario, through unmodified pynvml: whole pages."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from demo.device import absent_symbols, build_shim, scenario_file
from demo.device.scenario import SCENARIOS
from exporters.exposition import text
from tests.devices import Scenario
from tests.golden import Golden

Make = Callable[..., Scenario]
Read = Callable[..., str]

SCRIPT = Path(__file__).with_name("read_devices.py")
ALL = sorted(path.stem for path in SCENARIOS.glob("*.txt"))
VOLATILE = re.compile(
    r"^(gpu_nvml_(?:call|scrape)_duration_seconds_(?:bucket|sum|count)|process_\w+)\b.*\n",
    re.MULTILINE,
)


OF_DEVICE = re.compile(r'^\w+\{gpu="(\d+)"')


@pytest.fixture
def read(scenario: Make, nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The page on a shipped scenario whose clock stands still, with lines of one's own."""

    def page_of(base: str, *lines: str, passes: int = 2) -> str:
        scenario(base, "time = 100.0", *lines)
        missing = absent_symbols(scenario_file(base))
        library = nvml_library
        if missing:
            library = build_shim(tmp_path_factory.mktemp("nvml"), absent_symbols=missing)
        command = [sys.executable, str(SCRIPT), str(library), str(passes)]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return page_of


def steady(page: str) -> str:
    """The page without what time alone changes; of devices that are alike, one in full.

    Of the others only the lines stand here that the first with most lines does not have, and a
    comment for each that they lack.
    """
    lines = by_gpu(VOLATILE.sub("", page).splitlines())
    by_device: dict[str, set[str]] = {}
    for line in lines:
        if found := OF_DEVICE.match(line):
            by_device.setdefault(found[1], set()).add(of_no_device(line))
    whole = max(by_device, key=lambda gpu: len(by_device[gpu]))
    kept = [line for line in lines if is_worth_keeping(line, whole, by_device[whole])]
    lacking = [
        f"# gpu {gpu} lacks {name}"
        for gpu, own in by_device.items()
        for name in sorted(names_of(by_device[whole]) - names_of(own))
    ]
    return "\n".join((*kept, *lacking, ""))


def by_gpu(lines: list[str]) -> list[str]:
    """Devices are read side by side: which is the first to have an event series is no matter."""
    families = itertools.groupby(lines, lambda line: OF_DEVICE.match(line) and line.split("{")[0])
    ordered: list[str] = []
    for of_device, group in families:
        key = (lambda line: int(OF_DEVICE.match(line)[1])) if of_device else (lambda _: 0)
        ordered += sorted(group, key=key)
    return ordered


def is_worth_keeping(line: str, whole: str, common: set[str]) -> bool:
    found = OF_DEVICE.match(line)
    return found is None or found[1] == whole or of_no_device(line) not in common


def of_no_device(line: str) -> str:
    return re.sub(r'gpu="\d+"', "", line, count=1)


def names_of(lines: set[str]) -> set[str]:
    return {line.partition("{")[0] for line in lines}


def families(page: str) -> dict[str, set[str]]:
    """Names of samples, by device."""
    found: dict[str, set[str]] = {}
    for family in text_families(page):
        for sample in family.samples:
            found.setdefault(sample.labels.get("gpu", ""), set()).add(sample.name)
    return found


def values(page: str) -> dict[str, float]:
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sample.labels.items()): (
            sample.value
        )
        for family in text_families(page)
        for sample in family.samples
    }


def statuses(page: str, gpu: int) -> dict[str, str]:
    """What became of each family of one device."""
    return {
        sample.labels["family"]: sample.labels["status"]
        for family in text_families(page)
        for sample in family.samples
        if sample.name == "gpu_family_status" and sample.labels["gpu"] == str(gpu) and sample.value
    }


@pytest.mark.parametrize("name", ALL)
def test_the_page_of_a_scenario_is_exactly_this_and_every_reader_takes_it(
    read: Read, golden: Golden, promtool: Path, name: str
) -> None:
    page = read(name)

    golden.check(f"{name}.txt", steady(page))

    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)
    as_text = {family.name for family in text_families(page)}
    as_openmetrics = {
        family.name for family in openmetrics_families(text.openmetrics(page) + "# EOF\n")
    }
    assert as_openmetrics == as_text
    assert "nan" not in page.lower().replace("nanoseconds", "")


def test_eight_alike_devices_have_the_same_series(read: Read) -> None:
    by_device = families(read("h200"))

    whole = by_device.pop("")
    assert sorted(by_device) == [str(gpu) for gpu in range(8)]
    assert all(names == by_device["0"] for names in by_device.values())
    assert "gpu_devices" in whole


def test_a_device_has_at_least_a_hundred_and_five_series(read: Read) -> None:
    page = read("h100")

    assert sum('gpu="0"' in line for line in page.splitlines()) >= 105


def test_a_device_without_gpm_lacks_that_family_alone(read: Read) -> None:
    with_gpm, without = statuses(read("h100"), 0), statuses(read("a100"), 0)

    differing = {name for name in with_gpm if with_gpm[name] != without.get(name)}
    assert without["profiling"] == "absent"
    assert differing <= {"profiling", "cycle_counters", "fabric"}


def test_an_old_driver_is_read_for_all_that_it_knows(read: Read) -> None:
    page = read("old-driver")
    said = values(page)
    status = statuses(page, 0)

    assert said["gpu_up gpu=0"] == 1
    assert said["gpu_memory_used_bytes gpu=0"] == 42949672960 + 536870912
    assert "gpu_throttle_active gpu=0 reason=hw_slowdown" in said
    assert {status[name] for name in ("profiling", "recovery_action", "fabric")} == {"absent"}
    assert not [name for name in said if name.startswith("gpu_nvml_errors")]


def test_what_is_denied_says_so_and_hurts_nothing_else(read: Read) -> None:
    page = read("denied")
    first, second, third = (statuses(page, gpu) for gpu in range(3))

    assert {first[name] for name in ("profiling", "processes", "process_utilization")} == {"denied"}
    assert {second[name] for name in ("throttle_time", "recovery_action", "nvlink_traffic")} == {
        "denied"
    }
    assert (third["memory"], third["events"]) == ("denied", "denied")
    for status in (first, second, third):
        assert status["utilization"] == status["clocks"] == "supported"
    # What this user may not ask at all is somebody else's: nobody can say whether it is up.
    assert statuses(page, 3) == {"device": "denied"}
    assert "gpu_up gpu=3" not in values(page)


def test_sentinels_and_impossible_values_are_no_series(read: Read) -> None:
    said = values(read("garbage"))
    gone = (
        "gpu_utilization_ratio gpu=0", "gpu_memory_used_bytes gpu=0", "gpu_power_watts gpu=0",
        "gpu_energy_joules_total gpu=0", "gpu_temperature_celsius gpu=0",
        "gpu_clock_hertz gpu=0 domain=sm", "gpu_power_instant_watts gpu=0",
        "gpu_utilization_ratio gpu=1", "gpu_sm_active_ratio gpu=1", "gpu_sm_occupancy_ratio gpu=1",
        "gpu_dram_bandwidth_ratio gpu=1", "gpu_memory_temperature_celsius gpu=1",
        "gpu_pipe_active_ratio gpu=1 pipe=tensor", "gpu_sm_active_ratio gpu=2",
    )  # fmt: skip

    assert [name for name in gone if name in said] == []
    for gpu in range(4):
        assert said[f"gpu_up gpu={gpu}"] == 1
    assert said["gpu_sm_active_ratio gpu=3"] == pytest.approx(0.82 * 0.8)
    assert max(value for name, value in said.items() if name.split()[0].endswith("_ratio")) <= 1


def test_a_device_that_hangs_is_down_and_the_others_are_whole(read: Read) -> None:
    page = read("hanging")
    said = values(page)

    assert [said[f"gpu_up gpu={gpu}"] for gpu in range(4)] == [1, 0, 1, 1]
    by_device = families(page)
    assert by_device["0"] == by_device["2"] == by_device["3"]
    assert "gpu_power_watts" not in by_device["1"]


def test_a_driver_that_refuses_newer_metrics_is_asked_for_the_older(read: Read) -> None:
    said = values(read("h100", "[gpu *]", "GpmNewest = 97", passes=4))

    assert said["gpu_sm_active_ratio gpu=0"] == pytest.approx(0.82 * 0.8)
    assert "gpu_sm_cycles_active_total gpu=0" not in said
