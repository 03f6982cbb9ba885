"""The systemd units: that systemd takes them, and that they give no more than is needed."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import busysignal

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
ON_GPUS = [unit for unit in UNITS if unit.stem in {"busysignal-gpu", "busysignal-probe"}]
ELSEWHERE = [unit for unit in UNITS if unit not in ON_GPUS]

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


class Unit(dict[str, list[str]]):
    """The settings of [Service]; one that stands several times has several values."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self.setdefault(key, []).append(value)


def test_there_is_a_unit_for_each_process_that_lasts():
    assert [unit.stem.removeprefix("busysignal-") for unit in UNITS] == [
        "bridge", "forecast", "gpu", "probe", "watch",
    ]  # fmt: skip


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_against_it(unit: Path, tmp_path: Path):
    here = tmp_path / unit.name
    command = Unit(unit)["ExecStart"][0].split()[0]
    here.write_text(unit.read_text(encoding="utf-8").replace(command, sys.executable))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False
    )

    assert (done.stderr, done.returncode) == ("", 0)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_its_exposure_is_low(unit: Path):
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file")

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_runs_unprivileged_and_always_again(unit: Path):
    found = Unit(unit)

    assert found["DynamicUser"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["Restart"] == ["always"]


@pytest.mark.parametrize("unit", ON_GPUS, ids=lambda unit: unit.stem)
def test_it_sees_the_gpus_and_who_uses_them_and_no_other_device(unit: Path):
    found = Unit(unit)

    assert found["DevicePolicy"] == ["closed"]
    assert all("nvidia" in device for device in found["DeviceAllow"])
    assert "PrivateDevices" not in found, "that would hide the GPUs"
    assert "ProtectProc" not in found, "that would hide who uses them"


@pytest.mark.parametrize("unit", ELSEWHERE, ids=lambda unit: unit.stem)
def test_it_sees_no_device_and_no_process_of_others(unit: Path):
    found = Unit(unit)

    assert found["PrivateDevices"] == ["yes"]
    assert found["ProtectProc"] == ["invisible"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_starts_a_command_that_there_is(unit: Path):
    _, command, *options = Unit(unit)["ExecStart"][0].split()
    told = CliRunner().invoke(busysignal.app, [command, "--help"])

    assert told.exit_code == 0
    assert all(option in told.output for option in options if option.startswith("--"))
    assert options[-2:] == ["--config", "/etc/busysignal/busysignal.toml"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_no_setting_stands_twice_by_mistake(unit: Path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    several = {key for key, values in Unit(unit).items() if len(values) > 1}

    assert parser.sections() == ["Unit", "Service", "Install"]
    assert several <= {"DeviceAllow", "SystemCallFilter", "Environment"}
