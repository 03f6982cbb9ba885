"""The GPU exporter over unmodified pynvml and the compiled library: what Prometheus sees."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.device import SimulatedGpu, ThrottleReason
from demo.device.state import CALLS, NOT_AVAILABLE
from exporters.catalog import gpu as catalogue
from exporters.catalog import host
from exporters.gpu import GpuExporter
from exporters.gpu.families import FAMILIES
from tests.devices import Machine
from tests.exporters.gpu.pages import Clock, Found, family, of_gpu, samples, status

GIB = 1 << 30
UNKNOWN_ERROR, NOT_SUPPORTED, NO_PERMISSION = 999, 3, 4


@pytest.fixture
def exporter(machine: Machine, watch: Callable[..., GpuExporter]) -> GpuExporter:
    return watch()


@pytest.fixture
def scrape(exporter: GpuExporter) -> Callable[[], Found]:
    def take() -> Found:
        exporter.sample()
        return samples(exporter.collect_text())

    return take


def busy(gpu: SimulatedGpu) -> None:
    gpu.report(busy_ratio=0.9, memory_used_bytes=60 * GIB)


def throttled(gpu: SimulatedGpu) -> None:
    busy(gpu)
    gpu.throttle(ThrottleReason.HW_THERMAL_SLOWDOWN | ThrottleReason.HW_SLOWDOWN, 0.4)


def lost(gpu: SimulatedGpu) -> None:
    busy(gpu)
    gpu.lose()


@pytest.mark.parametrize("state", [busy, throttled, lost])
def test_promtool_finds_nothing_to_say(
    machine: Machine,
    exporter: GpuExporter,
    clock: Clock,
    promtool: Path,
    state: Callable[[SimulatedGpu], None],
) -> None:
    state(machine.gpus[0])
    exporter.sample()
    clock.now += 1
    exporter.sample()

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=exporter.collect_text(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


def test_a_throttled_device_says_why(machine: Machine, scrape: Callable[[], Found]) -> None:
    throttled(machine.gpus[0])

    found = scrape()

    reasons = {
        name.rpartition("=")[2] for name, on in found.items() if "throttle_active" in name and on
    }
    assert reasons == {"hw_slowdown", "hw_thermal_slowdown", "gpu_idle"}
    assert found["gpu_clock_hertz gpu=0 domain=sm"] == 0.4 * 1980e6


def test_a_lost_device_is_down_and_its_other_series_end(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    before = of_gpu(scrape(), 1)
    machine.gpus[1].lose()

    after = of_gpu(scrape(), 1)

    assert len(before) > 100
    assert after == {"gpu_up gpu=1": 0.0}


def test_a_lost_device_keeps_its_xid_counts(machine: Machine, scrape: Callable[[], Found]) -> None:
    scrape()
    machine.gpus[1].lose()

    assert scrape()["gpu_xid_errors_total gpu=1 xid=79"] == 0


def test_a_lost_device_leaves_the_others_alone(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    before = of_gpu(scrape(), 0)
    machine.gpus[1].lose()

    assert of_gpu(scrape(), 0).keys() == before.keys()


def test_a_device_lost_before_the_start_is_down_and_comes_back(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    machine.gpus[0].lose()
    absent = scrape()
    machine.gpus[0].heal()

    back = scrape()

    assert (absent["gpu_up gpu=0"], absent["gpu_devices"]) == (0, 2)
    assert back["gpu_up gpu=0"] == 1
    assert back["gpu_xid_errors_total gpu=0 xid=79"] == 0


def test_the_info_series_says_that_the_device_is_simulated(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    info = [name for name in scrape() if name.startswith("gpu_info") and "gpu=0" in name]

    identity = f"uuid={machine.gpus[0].uuid} name=NVIDIA H100 80GB HBM3 driver=580.126.09"
    assert info == [f"gpu_info gpu=0 {identity} simulated=true"]


SERIES_OF_CALL = {
    "nvmlDeviceGetUtilizationRates": (
        "gpu_utilization_ratio",
        "gpu_memory_controller_utilization_ratio",
    ),
    "nvmlDeviceGetMemoryInfo": (
        "gpu_memory_used_bytes",
        "gpu_memory_total_bytes",
        "gpu_memory_free_bytes",
        "gpu_memory_reserved_bytes",
    ),
    "nvmlDeviceGetPowerUsage": ("gpu_power_watts",),
    "nvmlDeviceGetEnforcedPowerLimit": ("gpu_power_limit_watts",),
    "nvmlDeviceGetTotalEnergyConsumption": ("gpu_energy_joules_total",),
    "nvmlDeviceGetTemperature": ("gpu_temperature_celsius",),
    "nvmlDeviceGetClockInfo": ("gpu_clock_hertz",),
    "nvmlDeviceGetMaxClockInfo": ("gpu_clock_max_hertz",),
    "nvmlDeviceGetCurrentClocksEventReasons": ("gpu_throttle_active",),
}


@pytest.mark.parametrize("result", [NOT_SUPPORTED, NOT_AVAILABLE, UNKNOWN_ERROR, NO_PERMISSION])
@pytest.mark.parametrize("call", SERIES_OF_CALL)
def test_what_one_call_cannot_say_is_absent_and_all_else_is_there(
    machine: Machine, scrape: Callable[[], Found], call: str, result: int
) -> None:
    before = of_gpu(scrape(), 0)

    machine.gpus[0].answer_with(call, result)

    after = of_gpu(scrape(), 0)
    gone = {family(name) for name in before.keys() - after.keys()}
    assert gone - {"gpu_family_status"} == set(SERIES_OF_CALL[call])
    assert after["gpu_up gpu=0"] == 1


def test_a_call_that_fails_is_counted_and_one_that_is_not_supported_is_not(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceGetUtilizationRates", UNKNOWN_ERROR)
    machine.gpus[1].answer_with("nvmlDeviceGetTemperature", NOT_SUPPORTED)

    scrape()
    errors = {name: value for name, value in scrape().items() if "nvml_errors" in name}

    assert errors == {"gpu_nvml_errors_total call=nvmlDeviceGetUtilizationRates error=unknown": 2}


@pytest.mark.parametrize(
    ("result", "told"),
    [(UNKNOWN_ERROR, "error"), (NOT_SUPPORTED, "absent"), (NO_PERMISSION, "denied")],
)
def test_a_family_says_what_became_of_it(
    machine: Machine, scrape: Callable[[], Found], result: int, told: str
) -> None:
    before = status(scrape(), 0, "utilization")
    machine.gpus[0].answer_with("nvmlDeviceGetUtilizationRates", result)

    after = scrape()

    assert (before, status(after, 0, "utilization")) == ("supported", told)
    assert status(after, 1, "utilization") == "supported"


def test_a_device_that_will_not_be_named_is_down(
    machine: Machine, scrape: Callable[[], Found]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceGetUUID", UNKNOWN_ERROR)

    assert of_gpu(scrape(), 0) == {"gpu_up gpu=0": 0.0}


def test_every_failable_call_is_covered_here() -> None:
    other = {"nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceRegisterEvents"}

    assert set(CALLS) == set(SERIES_OF_CALL) | other


def test_every_series_is_one_of_the_catalogue(scrape: Callable[[], Found], clock: Clock) -> None:
    scrape()
    clock.now += 1
    own = (*catalogue.SIGNALS, host.PROCESS_CPU, host.PROCESS_RESIDENT)
    known = {selector.series for signal in own for selector in signal.selectors()}

    assert {family(name) for name in scrape()} <= known


def test_what_is_slow_to_change_is_read_seldom_and_kept(
    machine: Machine, watch: Callable[..., GpuExporter], clock: Clock
) -> None:
    exporter = watch(slow_seconds=10.0)
    series = "gpu_power_limit_watts gpu=0"
    exporter.sample()
    machine.gpus[0].answer_with("nvmlDeviceGetEnforcedPowerLimit", NOT_SUPPORTED)

    clock.now += 9
    exporter.sample()
    kept = samples(exporter.collect_text())
    clock.now += 1
    exporter.sample()

    assert kept[series] == 700
    assert status(kept, 0, "power_limits") == "supported"
    assert series not in samples(exporter.collect_text())


def test_what_is_absent_is_asked_for_again_in_time(
    machine: Machine, watch: Callable[..., GpuExporter], clock: Clock
) -> None:
    exporter = watch(slow_seconds=10.0)
    machine.gpus[0].answer_with("nvmlDeviceGetTemperature", NOT_SUPPORTED)
    exporter.sample()
    machine.gpus[0].heal()

    clock.now += 1
    exporter.sample()
    soon = samples(exporter.collect_text())
    clock.now += 10
    exporter.sample()

    assert "gpu_temperature_celsius gpu=0" not in soon
    assert "gpu_temperature_celsius gpu=0" in samples(exporter.collect_text())


def test_the_devices_there_should_be_are_those_configured_or_the_most_seen(
    machine: Machine, watch: Callable[..., GpuExporter]
) -> None:
    seen, told = watch(), watch(expected_devices=8)
    seen.sample()
    told.sample()

    assert samples(seen.collect_text())["gpu_devices_expected"] == 2
    assert samples(told.collect_text())["gpu_devices_expected"] == 8


def test_the_time_of_every_call_is_counted_by_device(scrape: Callable[[], Found]) -> None:
    found = scrape()

    assert found["gpu_nvml_call_duration_seconds_count gpu=0"] > 30
    assert found["gpu_nvml_scrape_duration_seconds_count"] == 1


def test_series_have_three_labels_at_most_and_identity_has_a_series_of_its_own() -> None:
    many = {signal.name for signal in catalogue.SIGNALS if len(signal.labels) > 3}

    assert [name for name in many if not name.endswith("_info")] == []


def test_the_names_that_families_fill_are_names_of_the_catalogue() -> None:
    known = {signal.name for signal in catalogue.SIGNALS}
    filled = {field.signal.name for family in FAMILIES for field in family.fields}
    names = [family.name for family in FAMILIES]

    assert filled <= known
    assert len(names) == len(set(names))


def test_what_measuring_costs_is_measured_too(scrape: Callable[[], Found]) -> None:
    found = scrape()

    assert found["process_cpu_seconds_total"] > 0
    assert found["process_resident_memory_bytes"] > 10 << 20
