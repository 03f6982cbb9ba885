"""The processes on a device, as the driver tells of them."""

from __future__ import annotations

from collections.abc import Callable

import pynvml
import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml, Process, Usage, processes
from exporters.gpu.snapshot import Device
from tests.devices import Scenario

Make = Callable[..., Scenario]

ONE = ("gpus = 1", "[gpu 0]")


@pytest.fixture
def read(watch: Callable[..., GpuExporter]) -> Callable[[], Device]:
    return lambda: watch().sample().devices[0]


def of(device: Device) -> dict[int, Process]:
    assert device.readings
    return {process.pid: process for process in device.readings.processes}


def test_a_process_has_its_memory_and_its_share_of_the_device(
    scenario: Make, read: Callable[[], Device]
) -> None:
    scenario("h100", *ONE, "Process.0 = pid=4711 memory=2147483648 sm=30 mem=12 enc=1 dec=2")

    found = of(read())[4711]

    assert (found.kind, found.memory) == ("compute", 2 << 30)
    assert found.usage
    assert (found.usage.sm, found.usage.memory) == (0.3, 0.12)
    assert (found.usage.encoder, found.usage.decoder) == (0.01, 0.02)


def test_garbage_from_the_driver_is_no_share(scenario: Make, read: Callable[[], Device]) -> None:
    scenario("h100", *ONE, "Process.0 = pid=4711 memory=NOT_AVAILABLE sm=4294967 mem=120")

    found = of(read())[4711]

    assert found.memory is None
    assert found.usage == Usage(encoder=0.0, decoder=0.0, jpeg=0.0, optical_flow=0.0)


def test_an_empty_list_is_nothing_and_no_error(
    scenario: Make, watch: Callable[..., GpuExporter]
) -> None:
    scenario("h100", *ONE, "ProcessUtilization = SUCCESS", "ProcessesUtilizationInfo = SUCCESS")
    exporter = watch()

    device = exporter.sample().devices[0]

    assert device.readings
    assert device.readings.families["process_utilization"] == "supported"
    assert "gpu_nvml_errors" not in exporter.collect_text()


def test_processes_of_an_old_driver_have_their_share_too(
    scenario: Make, nvml_library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario("h100", *ONE, "Process.0 = pid=4711 memory=1024 sm=30 mem=12")
    nvml = Nvml(nvml_library)  # type: ignore[arg-type]

    def absent(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetProcessesUtilizationInfo", absent)

    used, since = processes.usages(nvml.handle(0), 0)

    nvml.close()
    assert used[4711] == Usage(sm=0.3, memory=0.12, encoder=0.0, decoder=0.0)
    assert since > 0


def test_a_process_on_an_instance_says_which(scenario: Make, read: Callable[[], Device]) -> None:
    scenario("h200-mig")

    found = of(read())[500042001]

    assert (found.gpu_instance, found.compute_instance) == (2, 0)
    assert found.usage is None, "the driver does not tell it per instance"


@pytest.mark.parametrize(
    ("driver", "garbled"),
    [
        ("535.54.03", True),
        ("535.86.10", True),
        ("535.98", False),
        ("535.104.05", False),
        ("530.41.03", False),
        ("580.126.09", False),
    ],
)
def test_the_drivers_whose_list_has_another_structure_are_known(driver: str, garbled: bool) -> None:
    assert processes.is_garbled(driver) is garbled


def test_such_a_driver_is_asked_for_the_older_list(
    scenario: Make, read: Callable[[], Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario("h100", "driver = 535.86.10", *ONE, "Process.0 = pid=4711 memory=1024 sm=30 mem=12")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", None)

    assert of(read())[4711].memory == 1024
