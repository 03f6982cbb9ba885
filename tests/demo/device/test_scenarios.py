"""Scenario files, through unmodified pynvml: what a device type answers is data."""

from __future__ import annotations

import ctypes
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pynvml
import pytest

from demo.device import SCENARIO_VARIABLE, SimulatedGpu, absent_symbols, build_shim, scenario_file
from demo.device.scenario import SCENARIOS
from demo.device.shim import SOURCES
from exporters.errors import UsageError
from tests.devices import Scenario

Make = Callable[..., Scenario]
Open = Callable[..., ModuleType]


@pytest.fixture
def opened(nvml_library: Path, scenario: Make) -> Iterator[Open]:
    """NVML initialised on a scenario."""
    users: list[Scenario] = []

    def open_on(base: str, *lines: str) -> ModuleType:
        users.append(scenario(base, *lines))
        pynvml._nvmlGetFunctionPointer_cache.clear()
        pynvml.nvmlLib = ctypes.CDLL(str(nvml_library))
        pynvml.nvmlInit()
        return pynvml

    yield open_on
    if users:
        pynvml.nvmlShutdown()


def metrics(nvml: ModuleType, ids: list[int], take: Callable[[object], object]) -> list[object]:
    """Two samples at once, and what GPM says lay between them."""
    first, second = nvml.nvmlGpmSampleAlloc(), nvml.nvmlGpmSampleAlloc()
    take(first)
    take(second)
    asked = nvml.c_nvmlGpmMetricsGet_t()
    asked.version, asked.numMetrics = nvml.NVML_GPM_METRICS_GET_VERSION, len(ids)
    asked.sample1, asked.sample2 = first, second
    for metric, wanted in zip(asked.metrics, ids, strict=False):
        metric.metricId = wanted
    nvml.nvmlGpmMetricsGet(asked)
    nvml.nvmlGpmSampleFree(first)
    nvml.nvmlGpmSampleFree(second)
    return [
        metric.value if metric.nvmlReturn == 0 else f"error {metric.nvmlReturn}"
        for metric in asked.metrics[: len(ids)]
    ]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_shipped_scenario_has_devices_or_says_why_not(opened: Open, path: Path) -> None:
    nvml = opened(path.stem)
    names = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            names.append(nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(index)))
        except (nvml.NVMLError_GpuIsLost, nvml.NVMLError_Unknown, nvml.NVMLError_NoPermission):
            continue

    assert names
    assert len(set(names)) == 1


def test_a_device_tells_who_it_is(opened: Open) -> None:
    nvml = opened("h200")
    handle = nvml.nvmlDeviceGetHandleByIndex(3)
    pci = nvml.nvmlDeviceGetPciInfo(handle)

    assert nvml.nvmlDeviceGetCount() == 8
    assert nvml.nvmlDeviceGetUUID(handle) == "GPU-5a1e0200-0000-4000-8000-000000000003"
    assert nvml.nvmlDeviceGetSerial(handle) == "1652024000203"
    assert (pci.busId, pci.bus, hex(pci.pciDeviceId)) == ("00000000:23:00.0", 0x23, "0x233510de")
    assert nvml.nvmlDeviceGetCudaComputeCapability(handle) == (9, 0)
    assert (nvml.nvmlSystemGetDriverVersion(), nvml.nvmlSystemGetCudaDriverVersion()) == (
        "595.45.04",
        13020,
    )
    for found in (
        nvml.nvmlDeviceGetHandleByUUID("GPU-5a1e0200-0000-4000-8000-000000000003"),
        nvml.nvmlDeviceGetHandleByPciBusId("00000000:23:00.0"),
    ):
        assert nvml.nvmlDeviceGetIndex(found) == 3


def test_each_field_has_its_own_code_type_and_scope(opened: Open) -> None:
    nvml = opened("h100", "time = 10", "[gpu 0]", "FieldValues.138.3 = 7", "FieldValues.142 = 1e3")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    every_link = 0xFFFFFFFF

    fields = nvml.nvmlDeviceGetFieldValues(
        handle,
        [82, (138, 0), (138, 3), (138, 18), (139, every_link), 170, 193, 142],
    )

    ok, wrong, absent = 0, nvml.NVML_ERROR_INVALID_ARGUMENT, nvml.NVML_ERROR_NOT_SUPPORTED
    assert [field.nvmlReturn for field in fields] == [ok, ok, ok, wrong, ok, absent, ok, ok]
    assert fields[0].value.uiVal == 38 + round(0.06 * 630 * 0.8)
    assert fields[0].valueType == nvml.NVML_VALUE_TYPE_UNSIGNED_INT
    assert [fields[1].value.ullVal, fields[2].value.ullVal] == [round(2331648 * 0.8 * 10), 7]
    assert fields[4].value.ullVal == pytest.approx(18 * 2331648 * 0.8 * 10)
    assert (fields[6].value.siVal, fields[7].value.ullVal) == (-5, 1000)


def test_a_fixed_time_makes_counters_the_same_each_time(opened: Open) -> None:
    nvml = opened("h100", "time = 100")

    joules = nvml.nvmlDeviceGetTotalEnergyConsumption(nvml.nvmlDeviceGetHandleByIndex(0)) / 1000

    assert joules == pytest.approx(100 * (70 + 630 * 0.8))


def test_counters_grow_with_the_load(opened: Open, scenario: Make) -> None:
    nvml = opened("h100", "time = 100")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    before = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)

    scenario("h100", "time = 110", "[gpu 0]", "busy = 0")

    grown = nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before
    assert grown == 10 * 70 * 1000
    assert nvml.nvmlDeviceGetUtilizationRates(handle).gpu == 0


def test_time_held_below_the_highest_clocks_is_counted_by_reason(
    opened: Open, scenario: Make
) -> None:
    nvml = opened("h100", "time = 100")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    fields = [74, 269, 270, 271]

    def counted() -> list[int]:
        return [field.value.ullVal for field in nvml.nvmlDeviceGetFieldValues(handle, fields)]

    assert counted() == [0, 0, 0, 0]
    scenario("h100", "time = 104", "[gpu 0]", "reasons = 0x44", "clock = 0.5")

    assert counted() == [4_000_000_000, 0, 4_000_000_000, 0]
    assert nvml.nvmlDeviceGetCurrentClocksEventReasons(handle) == 0x44
    assert nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) == 990
    assert nvml.nvmlDeviceGetViolationStatus(handle, 0).violationTime == 4_000_000_000


def test_gpm_tells_the_mean_over_the_window_and_what_has_been_counted(
    opened: Open, scenario: Make
) -> None:
    nvml = opened("h200", "time = 100")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    times = iter(("time = 100", "time = 104"))

    def take(sample: object) -> None:
        scenario("h200", next(times), "[gpu 0]", "busy = 0.5")
        nvml.nvmlGpmSampleGet(handle, sample)

    sm, cycles, absent = metrics(nvml, [2, 248, 100], take)

    assert nvml.nvmlGpmQueryDeviceSupport(handle).isSupportedDevice == 1
    assert sm == pytest.approx(82 * 0.5)
    assert cycles == pytest.approx(104 * 2.6136e11)
    assert absent == f"error {nvml.NVML_ERROR_NOT_SUPPORTED}"


def test_an_ampere_device_has_no_gpm(opened: Open) -> None:
    nvml = opened("a100")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    assert nvml.nvmlGpmQueryDeviceSupport(handle).isSupportedDevice == 0
    with pytest.raises(nvml.NVMLError_NotSupported):
        nvml.nvmlGpmSampleGet(handle, nvml.nvmlGpmSampleAlloc())


def test_mig_devices_are_found_by_their_parent(opened: Open) -> None:
    nvml = opened("h200-mig")
    parent, uncut = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
    migs = []
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(parent)):
        try:
            migs.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(parent, index))
        except nvml.NVMLError_NotFound:
            continue

    assert nvml.nvmlDeviceGetMigMode(parent) == [1, 1]
    assert [nvml.nvmlDeviceGetGpuInstanceId(mig) for mig in migs] == [2, 5, 9]
    assert [nvml.nvmlDeviceGetAttributes(mig).multiprocessorCount for mig in migs] == [60, 32, 16]
    assert nvml.nvmlDeviceGetMemoryInfo(migs[1], version=nvml.nvmlMemory_v2).used == 20 << 30
    back = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(migs[0])
    assert nvml.nvmlDeviceGetUUID(back) == nvml.nvmlDeviceGetUUID(parent)
    with pytest.raises(nvml.NVMLError_NotFound):
        nvml.nvmlDeviceGetMigDeviceHandleByIndex(uncut, 0)
    with pytest.raises(nvml.NVMLError_NotSupported):
        nvml.nvmlDeviceGetUtilizationRates(parent)


def test_gpm_of_an_instance_is_its_own(opened: Open) -> None:
    nvml = opened("h200-mig", "time = 50")
    parent = nvml.nvmlDeviceGetHandleByIndex(0)

    found = [
        metrics(nvml, [2], lambda sample, gi=gi: nvml.nvmlGpmMigSampleGet(parent, gi, sample))
        for gi in (2, 5, 9)
    ]

    assert found == [[pytest.approx(72)], [pytest.approx(32)], [0]]
    with pytest.raises(nvml.NVMLError_InvalidArgument):
        nvml.nvmlGpmMigSampleGet(parent, 6, nvml.nvmlGpmSampleAlloc())


def test_gpu_instances_are_told_by_profile(opened: Open) -> None:
    nvml = opened("h200-mig")
    parent = nvml.nvmlDeviceGetHandleByIndex(0)
    count, instances = ctypes.c_uint(), (nvml.c_nvmlGpuInstance_t * 8)()

    nvml.nvmlDeviceGetGpuInstances(parent, 14, instances, ctypes.byref(count))
    info = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceGetGpuInstanceById(parent, 5))

    assert count.value == 1
    assert (info.id, info.profileId, info.placement.start, info.placement.size) == (5, 14, 4, 2)
    assert nvml.nvmlDeviceGetGpuInstanceProfileInfo(parent, 1).name == "MIG 2g.35gb"


def test_processes_come_by_kind_with_their_share(opened: Open) -> None:
    nvml = opened("t4", "[gpu 0]", "Process.2 = pid=self type=mps memory=7 sm=3")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    compute = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    graphics = nvml.nvmlDeviceGetGraphicsRunningProcesses(handle)
    mps = nvml.nvmlDeviceGetMPSComputeRunningProcesses_v3(handle)

    assert [(one.pid, one.usedGpuMemory) for one in compute] == [(500044010, 5100273664)]
    assert [one.pid for one in graphics] == [500044020]
    assert [one.pid for one in mps] == [os.getpid()]
    used = nvml.nvmlDeviceGetProcessUtilization(handle, 0)
    assert [(one.pid, one.smUtil, one.encUtil) for one in used] == [
        (500044010, 35, 11),
        (os.getpid(), 3, 0),
    ]
    assert [one.ofaUtil for one in nvml.nvmlDeviceGetProcessesUtilizationInfo(handle, 0)] == [0, 0]
    with pytest.raises(nvml.NVMLError_NotFound):
        nvml.nvmlDeviceGetProcessUtilization(handle, int(time.time() * 1e6) + 10**7)


def test_an_empty_list_of_samples_is_what_pynvml_calls_an_error_of_success(opened: Open) -> None:
    nvml = opened("garbage")

    with pytest.raises(nvml.NVMLError) as told:
        nvml.nvmlDeviceGetProcessUtilization(nvml.nvmlDeviceGetHandleByIndex(1), 0)

    assert told.value.value == nvml.NVML_SUCCESS


def test_rows_pages_links_and_fabric(opened: Open) -> None:
    nvml = opened("a100")
    sick = nvml.nvmlDeviceGetHandleByIndex(2)
    short = nvml.nvmlDeviceGetHandleByIndex(3)

    assert tuple(nvml.nvmlDeviceGetRemappedRows(sick)) == (1, 2, 1, 0)
    assert nvml.nvmlDeviceGetRowRemapperHistogram(sick).partial == 1
    assert nvml.nvmlDeviceGetTotalEccErrors(sick, 1, 1) == 2
    assert nvml.nvmlDeviceGetMemoryErrorCounter(sick, 1, 1, nvml.NVML_MEMORY_LOCATION_DRAM) == 2
    assert [nvml.nvmlDeviceGetNvLinkState(short, link) for link in (10, 11)] == [1, 0]
    assert nvml.nvmlDeviceGetNvLinkErrorCounter(short, 4, 0) == 7
    with pytest.raises(nvml.NVMLError_InvalidArgument):
        nvml.nvmlDeviceGetNvLinkState(short, 12)


def test_a_turing_device_retires_pages_and_has_no_links(opened: Open) -> None:
    nvml = opened("t4")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    assert len(nvml.nvmlDeviceGetRetiredPages(handle, 0)) == 2
    assert nvml.nvmlDeviceGetRetiredPagesPendingStatus(handle) == 0
    for question in (nvml.nvmlDeviceGetRemappedRows, nvml.nvmlDeviceGetMarginTemperature):
        with pytest.raises(nvml.NVMLError_NotSupported):
            question(handle)
    with pytest.raises(nvml.NVMLError_NotSupported):
        nvml.nvmlDeviceGetNvLinkState(handle, 0)


def test_the_fabric_speaks_two_versions_and_refuses_others(opened: Open) -> None:
    nvml = opened("h100")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    second, third = nvml.c_nvmlGpuFabricInfo_v2_t(), nvml.c_nvmlGpuFabricInfo_v3_t()

    nvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(second))
    nvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(third))

    assert (second.state, third.state, third.healthSummary) == (3, 3, 1)
    third.version = 9
    with pytest.raises(nvml.NVMLError_ArgumentVersionMismatch):
        nvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(third))


def test_events_appended_to_the_file_are_heard_once_by_type(opened: Open, scenario: Make) -> None:
    nvml = opened("h100", "[gpu 1]", "Events = xid:31")
    handle = nvml.nvmlDeviceGetHandleByIndex(1)
    events = nvml.nvmlEventSetCreate()
    types = nvml.nvmlEventTypeXidCriticalError | nvml.nvmlEventTypeGpuRecoveryAction
    nvml.nvmlDeviceRegisterEvents(handle, types, events)

    scenario("h100", "[gpu 1]", "Events = xid:31 sbe:0 recovery:1 xid:79")

    told = [nvml.nvmlEventSetWait_v2(events, 1000) for _ in range(2)]
    assert [(one.eventType, one.eventData) for one in told] == [(0x8000, 1), (0x8, 79)]
    with pytest.raises(nvml.NVMLError_Timeout):
        nvml.nvmlEventSetWait_v2(events, 20)
    nvml.nvmlEventSetFree(events)


def test_a_reloaded_driver_answers_again_only_when_initialised_anew(
    opened: Open, scenario: Make
) -> None:
    nvml = opened("h100", "reload = 1")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    scenario("h100", "reload = 2", "driver = 580.200.01")

    for question in (nvml.nvmlDeviceGetCount, lambda: nvml.nvmlDeviceGetName(handle)):
        with pytest.raises(nvml.NVMLError_Uninitialized):
            question()
    nvml.nvmlShutdown()
    nvml.nvmlInit()
    assert nvml.nvmlSystemGetDriverVersion() == "580.200.01"


def test_a_newer_kernel_module_is_a_mismatch_whatever_is_called(
    opened: Open, scenario: Make
) -> None:
    nvml = opened("h100")
    scenario("h100", "fail = LIB_RM_VERSION_MISMATCH")

    with pytest.raises(nvml.NVMLError_LibRmVersionMismatch):
        nvml.nvmlDeviceGetCount()
    nvml.nvmlShutdown()
    with pytest.raises(nvml.NVMLError_LibRmVersionMismatch):
        nvml.nvmlInit()
    scenario("h100")
    nvml.nvmlInit()


def test_the_count_is_that_of_the_start_unless_the_scenario_says_it_is_live(
    opened: Open, scenario: Make
) -> None:
    nvml = opened("h200")

    scenario("h200", "gpus = 7")
    at_start = nvml.nvmlDeviceGetCount()
    scenario("h200", "gpus = 7", "hot_plug = live")

    assert (at_start, nvml.nvmlDeviceGetCount()) == (8, 7)
    with pytest.raises(nvml.NVMLError_InvalidArgument):
        nvml.nvmlDeviceGetHandleByIndex(7)


def test_a_lost_device_is_lost_in_every_call(opened: Open) -> None:
    nvml = opened("lost")

    with pytest.raises(nvml.NVMLError_GpuIsLost):
        nvml.nvmlDeviceGetHandleByIndex(1)
    with pytest.raises(nvml.NVMLError_Unknown):
        nvml.nvmlDeviceGetHandleByIndex(2)
    field = nvml.nvmlDeviceGetFieldValues(nvml.nvmlDeviceGetHandleByIndex(3), [230])[0]
    assert field.value.uiVal == 2


def test_permission_is_refused_per_call(opened: Open) -> None:
    nvml = opened("denied")
    first, second = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))

    for question in (
        lambda: nvml.nvmlGpmQueryDeviceSupport(first),
        lambda: nvml.nvmlDeviceGetComputeRunningProcesses(first),
        lambda: nvml.nvmlDeviceGetFieldValues(second, [82]),
        lambda: nvml.nvmlDeviceGetHandleByIndex(3),
    ):
        with pytest.raises(nvml.NVMLError_NoPermission):
            question()
    assert nvml.nvmlDeviceGetPowerUsage(first) > 0


def test_sentinels_and_impossible_numbers_come_as_the_driver_sends_them(opened: Open) -> None:
    nvml = opened("garbage")
    unset, wild = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))

    assert nvml.nvmlDeviceGetPowerUsage(unset) == 0xFFFF_FFFF
    assert nvml.nvmlDeviceGetTotalEnergyConsumption(unset) == 0xFFFF_FFFF_FFFF_FFFF
    assert nvml.nvmlDeviceGetUtilizationRates(wild).gpu == 147
    sm, tensor = metrics(nvml, [2, 5], lambda sample: nvml.nvmlGpmSampleGet(wild, sample))
    assert math.isnan(sm)
    assert tensor == 131


def test_a_call_hangs_until_the_scenario_relents(opened: Open, scenario: Make) -> None:
    nvml = opened("hanging")
    stuck, well = nvml.nvmlDeviceGetHandleByIndex(1), nvml.nvmlDeviceGetHandleByIndex(0)
    answered: list[int] = []
    asking = threading.Thread(target=lambda: answered.append(nvml.nvmlDeviceGetPowerUsage(stuck)))
    asking.start()
    asking.join(0.1)

    assert asking.is_alive()
    assert nvml.nvmlDeviceGetPowerUsage(well) > 0
    assert nvml.nvmlDeviceGetTemperature(stuck, 0) > 0
    scenario("h100")
    asking.join(5)
    assert answered == [nvml.nvmlDeviceGetPowerUsage(stuck)]


def test_every_call_of_a_slow_device_takes_as_long_as_it_says(opened: Open) -> None:
    nvml = opened("h100", "[gpu 1]", "delay_us = 20000")
    slow, fast = nvml.nvmlDeviceGetHandleByIndex(1), nvml.nvmlDeviceGetHandleByIndex(0)

    def seconds(handle: object) -> float:
        began = time.monotonic()
        nvml.nvmlDeviceGetPowerUsage(handle)
        return time.monotonic() - began

    assert min(seconds(slow) for _ in range(3)) >= 0.02
    assert min(seconds(fast) for _ in range(3)) < 0.01


def test_an_old_driver_lacks_the_symbols_its_scenario_names(tmp_path: Path) -> None:
    path = scenario_file("old-driver")
    library = build_shim(tmp_path, absent_symbols=absent_symbols(path))
    code = (
        "import ctypes, sys, pynvml as n; n.nvmlLib = ctypes.CDLL(sys.argv[1]); n.nvmlInit()\n"
        "h = n.nvmlDeviceGetHandleByIndex(0)\n"
        "for ask in (n.nvmlGpmQueryDeviceSupport, n.nvmlDeviceGetComputeRunningProcesses_v3,\n"
        "            n.nvmlDeviceGetCurrentClocksEventReasons):\n"
        "    try: ask(h)\n"
        "    except n.NVMLError_FunctionNotFound: print('absent')\n"
        "print(n.nvmlSystemGetDriverVersion(), len(n.nvmlDeviceGetComputeRunningProcesses_v2(h)),\n"
        "      n.nvmlDeviceGetCurrentClocksThrottleReasons(h))"
    )
    environment = {**os.environ, SCENARIO_VARIABLE: str(path)}

    said = subprocess.check_output(
        [sys.executable, "-c", code, str(library)], env=environment, text=True
    )

    assert said == "absent\nabsent\nabsent\n470.223.02 1 0\n"


def test_the_state_file_is_heard_beside_a_scenario_of_another_device(
    nvml_library: Path, tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = opened("a100")
    nvml.nvmlShutdown()
    state = tmp_path / "state"
    gpu = SimulatedGpu.create(state, 1, name="NVIDIA A100-SXM4-80GB", power_limit_watts=400.0)[0]
    monkeypatch.setenv("BUSYSIGNAL_DEVICE_STATE", str(state))
    nvml.nvmlInit()
    gpu.report(busy_ratio=1.0, memory_used_bytes=1 << 30)
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    assert nvml.nvmlDeviceGetPowerUsage(handle) == 400_000
    assert nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM) == 1410
    owner = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    assert [(one.pid, one.usedGpuMemory) for one in owner] == [(os.getpid(), 1 << 30)]


def test_a_scenario_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="there is no device scenario b9000; there are a100, "):
        scenario_file("b9000")


def test_every_key_of_a_shipped_scenario_is_one_that_the_library_reads() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.c"))
    read = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)))
    outside = {"include", "absent_symbols"}
    keys = {
        (path.stem, line.partition("=")[0].strip().partition(".")[0])
        for path in SCENARIOS.glob("*.txt")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.lstrip().startswith("#")
    }

    assert len(keys) > 100
    assert {key for key in keys if key[1] not in read | outside} == set()
