"""Loading the driver: what is said when there is none, and that it can be loaded again."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.device import SimulatedGpu
from exporters.errors import BusySignalError, ServerMissingError
from exporters.gpu.nvml import GpuLostError, Nvml, NvmlError
from tests.devices import Machine


def test_a_machine_without_a_driver_is_told_in_one_line() -> None:
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("this machine has a driver")
    # A process of its own: a library once loaded here would be found again by its name.
    code = (
        "from exporters.gpu.nvml import Nvml\nfrom exporters.errors import ServerMissingError\n"
        "try: Nvml()\nexcept ServerMissingError as error: print(error)"
    )

    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=dict(os.environ))

    assert said == (
        "no NVIDIA driver answers here (libnvidia-ml.so.1: library_not_found); install the "
        "driver, or name its library in [gpu] nvml_library\n"
    )


def test_a_library_that_is_not_there_names_the_config_key(tmp_path: Path) -> None:
    with pytest.raises(ServerMissingError, match=r"correct \[gpu\] nvml_library"):
        Nvml(tmp_path / "absent.so")


def test_a_driver_that_is_not_loaded_is_a_missing_server(machine: Machine) -> None:
    machine.state.unlink()

    with pytest.raises(ServerMissingError, match="driver_not_loaded"):
        Nvml(machine.library)


def test_a_driver_that_fails_to_start_points_to_nvidia_smi(machine: Machine) -> None:
    content = bytearray(machine.state.read_bytes())
    content[16] ^= 0xFF
    machine.state.write_bytes(content)

    with pytest.raises(BusySignalError, match=r"could not start: unknown; run nvidia-smi") as told:
        Nvml(machine.library)

    assert told.value.exit_code == 1


def test_the_driver_can_be_closed_and_opened_on_other_devices(machine: Machine) -> None:
    first = Nvml(machine.library)
    seen = first.count()
    first.close()
    SimulatedGpu.create(machine.state, 5)

    second = Nvml(machine.library)

    assert (seen, second.count()) == (2, 5)
    second.close()


def test_an_error_names_the_call_and_what_nvml_said(machine: Machine) -> None:
    nvml = Nvml(machine.library)
    machine.gpus[0].answer_with("nvmlDeviceGetPowerUsage", 4)

    with pytest.raises(NvmlError) as told:
        nvml.power(nvml.handle(0))

    assert str(told.value) == "nvmlDeviceGetPowerUsage: no_permission"
    nvml.close()


def test_a_lost_device_is_an_error_of_its_own(machine: Machine) -> None:
    nvml = Nvml(machine.library)
    handle = nvml.handle(1)
    machine.gpus[1].lose()

    with pytest.raises(GpuLostError):
        nvml.temperature(handle)
    nvml.close()
