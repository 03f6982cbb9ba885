"""A driver that goes, comes back or changes, and devices that come and go with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import DriverChangedError, Nvml
from tests.devices import Scenario
from tests.exporters.gpu.pages import Clock, Found, eventually, of_gpu, samples

Make = Callable[..., Scenario]
Watch = Callable[..., GpuExporter]

ONE = "gpus = 1"


def scrape(exporter: GpuExporter) -> Found:
    exporter.sample()
    return samples(exporter.collect_text())


def test_a_reloaded_driver_is_taken_up_again(scenario: Make, watch: Watch) -> None:
    changing = scenario("h100", ONE)
    exporter = watch()
    before = scrape(exporter)
    changing.change("h100", ONE, "reload = 1", "driver = 590.44.01")

    scrape(exporter)  # finds out
    after = scrape(exporter)

    assert of_gpu(after, 0).keys() >= of_gpu(before, 0).keys() - {
        name for name in before if "gpu_info" in name
    }
    assert [name for name in after if "gpu_info" in name and "driver=590.44.01" in name]
    assert after["gpu_driver_reloads_total"] == 1


def test_xid_counts_outlive_a_reload_and_events_are_heard_after_it(
    scenario: Make, watch: Watch
) -> None:
    changing = scenario("h100", ONE)
    exporter = watch()
    exporter.start()
    changing.change("h100", ONE, "[gpu 0]", "Events = xid:79")
    series = "gpu_xid_errors_total gpu=0 xid=79"
    assert eventually(lambda: samples(exporter.collect_text())[series] == 1)
    changing.change("h100", ONE, "reload = 1")
    assert eventually(lambda: scrape(exporter)["gpu_driver_reloads_total"] == 1)
    assert eventually(lambda: scrape(exporter)["gpu_up gpu=0"] == 1)

    changing.change("h100", ONE, "reload = 1", "[gpu 0]", "Events = xid:79")

    assert eventually(lambda: samples(exporter.collect_text())[series] == 2)


def test_devices_are_down_while_there_is_no_driver_and_up_when_it_is_back(
    scenario: Make, watch: Watch
) -> None:
    changing = scenario("h100", ONE)
    exporter = watch()
    scrape(exporter)
    changing.change("h100", ONE, "fail = DRIVER_NOT_LOADED")

    gone = [scrape(exporter) for _ in range(3)][-1]
    changing.change("h100", ONE)
    back = [scrape(exporter) for _ in range(2)][-1]

    assert of_gpu(gone, 0) == {"gpu_up gpu=0": 0.0}
    assert gone["gpu_devices"] == 1
    assert back["gpu_up gpu=0"] == 1
    assert back["gpu_driver_reloads_total"] == 1


def test_a_driver_of_another_version_is_told_once_and_ends_the_reading(
    scenario: Make, watch: Watch
) -> None:
    changing = scenario("h100", ONE)
    told: list[str] = []
    exporter = watch(on_failure=lambda: told.append("failed"))
    scrape(exporter)
    changing.change("h100", ONE, "fail = LIB_RM_VERSION_MISMATCH")

    found = [scrape(exporter) for _ in range(4)][-1]

    assert told == ["failed"]
    assert isinstance(exporter.failure, DriverChangedError)
    assert str(exporter.failure) == (
        "the driver's library and its kernel module differ in version "
        "(lib_rm_version_mismatch); start this exporter again, and if it says so again, "
        "reload the kernel module or reboot"
    )
    assert of_gpu(found, 0) == {"gpu_up gpu=0": 0.0}


def test_a_start_on_a_driver_of_another_version_says_so(scenario: Make, nvml_library: Path) -> None:
    scenario("h100", "fail = LIB_RM_VERSION_MISMATCH")

    with pytest.raises(DriverChangedError, match="differ in version"):
        Nvml(nvml_library)


def test_a_device_plugged_in_is_read(scenario: Make, watch: Watch) -> None:
    changing = scenario("h100", "gpus = 2", "hot_plug = live")
    exporter = watch()
    before = scrape(exporter)
    changing.change("h100", "gpus = 3", "hot_plug = live")

    after = scrape(exporter)

    assert (before["gpu_devices"], after["gpu_devices"]) == (2, 3)
    assert after["gpu_up gpu=2"] == 1
    assert after["gpu_xid_errors_total gpu=2 xid=79"] == 0


def test_a_device_taken_out_is_missed(scenario: Make, watch: Watch) -> None:
    changing = scenario("h100", "gpus = 3", "hot_plug = live")
    exporter = watch()
    scrape(exporter)
    changing.change("h100", "gpus = 2", "hot_plug = live")

    after = scrape(exporter)

    assert (after["gpu_devices"], after["gpu_devices_expected"]) == (2, 3)
    assert of_gpu(after, 2) == {"gpu_up gpu=2": 0.0}
    assert not [name for name in after if "nvml_errors" in name]

    changing.change("h100", "gpus = 3", "hot_plug = live")
    assert scrape(exporter)["gpu_up gpu=2"] == 1


def test_devices_the_kernel_lists_anew_are_found_by_taking_the_driver_up_again(
    scenario: Make, watch: Watch, tmp_path: Path
) -> None:
    proc = tmp_path / "nvidia"
    (proc / "gpus" / "0000:10:00.0").mkdir(parents=True)
    (proc / "version").write_text("NVRM version: 580.126.09\n", encoding="utf-8")
    changing = scenario("h100", ONE)
    exporter = watch(proc=proc)
    before = scrape(exporter)
    (proc / "gpus" / "0000:11:00.0").mkdir()
    changing.change("h100", "gpus = 2")

    after = scrape(exporter)

    assert (before["gpu_devices"], after["gpu_devices"]) == (1, 2)
    assert after["gpu_up gpu=1"] == 1


def test_a_driver_is_not_taken_from_under_a_call_that_hangs(
    scenario: Make, watch: Watch, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporters.gpu.fleet.ALONE_SECONDS", 0.1)
    proc = tmp_path / "nvidia"
    (proc / "gpus").mkdir(parents=True)
    (proc / "version").write_text("580", encoding="utf-8")
    changing = scenario("h100", "gpus = 2", "[gpu 1]", "PowerUsage = HANG")
    exporter = watch(proc=proc)
    exporter.sample(0.3)
    (proc / "version").write_text("590", encoding="utf-8")

    held = scrape(exporter)
    changing.change("h100", "gpus = 2")
    soon = scrape(exporter)
    clock.now += 30
    later = [scrape(exporter) for _ in range(2)][-1]

    assert [found["gpu_driver_reloads_total"] for found in (held, soon, later)] == [0, 0, 1]
    assert (held["gpu_up gpu=0"], held["gpu_up gpu=1"]) == (1, 0)
    assert (later["gpu_up gpu=0"], later["gpu_up gpu=1"]) == (1, 1)


def test_gpm_begins_anew_after_a_reload(scenario: Make, watch: Watch, clock: Clock) -> None:
    changing = scenario("h100", ONE)
    exporter = watch()
    for _ in range(2):
        exporter.sample()
        clock.now += 1
    before = samples(exporter.collect_text())
    changing.change("h100", ONE, "reload = 1")
    scrape(exporter)
    first = scrape(exporter)
    clock.now += 1

    second = scrape(exporter)

    series = "gpu_sm_active_ratio gpu=0"
    assert series in before
    assert series not in first
    assert second[series] == pytest.approx(0.656)


SERVE = (
    "import sys; from pathlib import Path; from exporters.errors import BusySignalError\n"
    "from exporters.gpu.server import serve; from exporters.gpu.settings import Settings\n"
    "settings = Settings(port=0, nvml_library=Path(sys.argv[1]), interval_seconds=0.05)\n"
    "try: serve(settings, announce=lambda url: print(url, flush=True))\n"
    "except BusySignalError as error: print(error); sys.exit(error.exit_code)"
)


def test_the_process_ends_with_the_reason_so_that_its_supervisor_starts_it_again(
    scenario: Make, nvml_library: Path
) -> None:
    changing = scenario("h100", ONE)
    command = [sys.executable, "-c", SERVE, str(nvml_library)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http://")
        changing.change("h100", ONE, "fail = LIB_RM_VERSION_MISMATCH")
        said = process.communicate(timeout=30)[0]

    assert "differ in version" in said
    assert process.returncode == 1
