"""The compiled library, through unmodified pynvml: the device follows what is reported."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pynvml
import pytest

from demo.device import SimulatedGpu, ThrottleReason, build_shim, shim
from demo.device.state import CALLS
from exporters.errors import BusySignalError, ServerMissingError
from tests.devices import Machine

GIB = 1 << 30


@pytest.fixture
def nvml(machine: Machine) -> Iterator[ModuleType]:
    pynvml._nvmlGetFunctionPointer_cache.clear()
    pynvml.nvmlLib = ctypes.CDLL(str(machine.library))
    pynvml.nvmlInit()
    yield pynvml
    pynvml.nvmlShutdown()


def test_power_clocks_and_memory_follow_the_reported_load(
    machine: Machine, nvml: ModuleType
) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    idle = nvml.nvmlDeviceGetPowerUsage(handle)

    machine.gpus[0].report(busy_ratio=0.5, memory_used_bytes=10 * GIB)

    assert nvml.nvmlDeviceGetPowerUsage(handle) == (idle + 700_000) / 2
    assert nvml.nvmlDeviceGetUtilizationRates(handle).gpu == 50
    assert nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used == 10 * GIB
    assert nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) == 1980


def test_throttling_lowers_clocks_and_power_and_names_the_reason(
    machine: Machine, nvml: ModuleType
) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    machine.gpus[0].report(busy_ratio=1.0, memory_used_bytes=GIB)

    machine.gpus[0].throttle(ThrottleReason.HW_THERMAL_SLOWDOWN, 0.4)

    reasons = nvml.nvmlDeviceGetCurrentClocksEventReasons(handle)
    assert reasons == nvml.nvmlClocksEventReasonHwThermalSlowdown
    assert nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) == 792
    assert nvml.nvmlDeviceGetPowerUsage(handle) == 322_000


def test_energy_grows_by_the_power_drawn(machine: Machine, nvml: ModuleType) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    machine.gpus[0].report(busy_ratio=1.0, memory_used_bytes=GIB)
    began, before = time.monotonic(), nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    time.sleep(0.2)

    joules = (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before) / 1000

    assert joules == pytest.approx(700 * (time.monotonic() - began), rel=0.1)


def test_heat_follows_power_slowly(machine: Machine, nvml: ModuleType) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    cold = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
    machine.gpus[0].report(busy_ratio=1.0, memory_used_bytes=GIB)
    time.sleep(1.0)

    warm = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)

    assert cold == 35
    assert cold < warm < 60


def test_an_xid_is_heard_once_and_only_after_registration(
    machine: Machine, nvml: ModuleType
) -> None:
    machine.gpus[1].raise_xid(31)
    events = nvml.nvmlEventSetCreate()
    handle = nvml.nvmlDeviceGetHandleByIndex(1)
    nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, events)

    machine.gpus[1].raise_xid(79)

    assert nvml.nvmlEventSetWait_v2(events, 1000).eventData == 79
    with pytest.raises(nvml.NVMLError_Timeout):
        nvml.nvmlEventSetWait_v2(events, 20)
    nvml.nvmlEventSetFree(events)


def test_a_lost_device_answers_nothing_until_healed(machine: Machine, nvml: ModuleType) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    machine.gpus[0].lose()

    with pytest.raises(nvml.NVMLError_GpuIsLost):
        nvml.nvmlDeviceGetName(handle)
    with pytest.raises(nvml.NVMLError_GpuIsLost):
        nvml.nvmlDeviceGetHandleByIndex(0)
    machine.gpus[0].heal()
    assert nvml.nvmlDeviceGetName(handle) == "NVIDIA H100 80GB HBM3"


def test_memory_is_free_again_when_its_process_ended(machine: Machine, nvml: ModuleType) -> None:
    code = (
        "import sys; from pathlib import Path; from demo.device import SimulatedGpu; "
        "SimulatedGpu.attach(Path(sys.argv[1]), 0).report(busy_ratio=1, memory_used_bytes=1 << 30)"
    )
    subprocess.run([sys.executable, "-c", code, str(machine.state)], check=True)
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    assert nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used == 0
    assert nvml.nvmlDeviceGetUtilizationRates(handle).gpu == 0
    assert nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) == 345


@pytest.mark.parametrize("call", CALLS)
def test_each_call_can_be_made_to_fail(machine: Machine, nvml: ModuleType, call: str) -> None:
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    arguments = {
        "nvmlDeviceGetTemperature": [0],
        "nvmlDeviceGetClockInfo": [0],
        "nvmlDeviceGetMaxClockInfo": [0],
        "nvmlDeviceRegisterEvents": [nvml.nvmlEventTypeXidCriticalError, None],
    }.get(call, [])

    machine.gpus[0].answer_with(call, nvml.NVML_ERROR_NO_PERMISSION)

    with pytest.raises(nvml.NVMLError_NoPermission):
        getattr(nvml, call)(handle, *arguments)


def test_without_a_state_file_the_driver_is_not_loaded(machine: Machine) -> None:
    code = (
        "import ctypes, sys, pynvml; pynvml.nvmlLib = ctypes.CDLL(sys.argv[1])\n"
        "try: pynvml.nvmlInit()\nexcept pynvml.NVMLError_DriverNotLoaded: print('not loaded')"
    )
    machine.state.unlink()

    said = subprocess.check_output(
        [sys.executable, "-c", code, str(machine.library)], env={**os.environ}, text=True
    )

    assert said == "not loaded\n"


def test_the_library_is_built_once(tmp_path: Path) -> None:
    first = build_shim(tmp_path)
    made = first.stat().st_mtime_ns

    assert build_shim(tmp_path).stat().st_mtime_ns == made


def test_a_changed_source_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_shim(tmp_path)
    changed = tmp_path / "changed"
    shutil.copytree(shim.SOURCES, changed)
    with (changed / "library.c").open("a", encoding="utf-8") as source:
        source.write("/* changed */\n")

    monkeypatch.setattr(shim, "SOURCES", changed)

    assert build_shim(tmp_path) != first


def test_the_source_compiles_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shim, "FLAGS", (*shim.FLAGS, "-Werror"))

    assert build_shim(tmp_path).exists()


def test_a_machine_without_a_compiler_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissingError) as told:
        build_shim(tmp_path)

    assert str(told.value) == (
        "no C compiler for the simulated GPU (cc, gcc, clang not on PATH); "
        "install one with: apt-get install gcc libc6-dev"
    )


def test_a_source_that_does_not_compile_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "broken.c").write_text("int x = ;\n")
    monkeypatch.setattr(shim, "SOURCES", broken)

    with pytest.raises(BusySignalError, match=r"could not compile broken: .*error"):
        build_shim(tmp_path)


def test_a_state_file_of_another_layout_is_refused(machine: Machine, nvml_library: Path) -> None:
    content = bytearray(machine.state.read_bytes())
    content[16] ^= 0xFF  # the size of a record
    machine.state.write_bytes(content)
    code = (
        "import ctypes, sys, pynvml; pynvml.nvmlLib = ctypes.CDLL(sys.argv[1])\n"
        "try: pynvml.nvmlInit()\nexcept pynvml.NVMLError_Unknown: print('refused')"
    )

    said = subprocess.check_output([sys.executable, "-c", code, str(nvml_library)], text=True)

    assert said == "refused\n"


def test_reporting_costs_little(tmp_path: Path) -> None:
    gpu = SimulatedGpu.create(tmp_path / "state", 1)[0]
    began = time.perf_counter()
    for _ in range(1000):
        gpu.report(busy_ratio=0.5, memory_used_bytes=GIB)

    assert (time.perf_counter() - began) / 1000 < 50e-6
