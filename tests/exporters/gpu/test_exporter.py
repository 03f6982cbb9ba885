"""The GPU exporter over unmodified pynvml and the compiled library: what Prometheus sees."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.device import SimulatedGpu, ThrottleReason
from demo.device.state import CALLS, NOT_AVAILABLE
from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml
from tests.devices import Machine
from tests.golden import Golden

GIB = 1 << 30
UNKNOWN_ERROR, NOT_SUPPORTED, FUNCTION_NOT_FOUND = 999, 3, 13


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exporter(machine: Machine, clock: Clock) -> Iterator[GpuExporter]:
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml, clock=clock)
    yield exporter
    exporter.close()
    nvml.close()


@pytest.fixture
def scrape(exporter: GpuExporter) -> Callable[[], dict[str, float]]:
    def take() -> dict[str, float]:
        exporter.sample()
        return samples(exporter.collect_text())

    return take


def samples(text: str) -> dict[str, float]:
    return {
        sample.name
        + "".join(f" {key}={value}" for key, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of_gpu(found: dict[str, float], gpu: int) -> dict[str, float]:
    return {
        name: value
        for name, value in found.items()
        if f"gpu={gpu}" in name.split() and not name.startswith("gpu_xid")
    }


def busy(gpu: SimulatedGpu) -> None:
    gpu.report(busy_ratio=0.9, memory_used_bytes=60 * GIB)


def throttled(gpu: SimulatedGpu) -> None:
    busy(gpu)
    gpu.throttle(ThrottleReason.HW_THERMAL_SLOWDOWN | ThrottleReason.HW_SLOWDOWN, 0.4)


def lost(gpu: SimulatedGpu) -> None:
    busy(gpu)
    gpu.lose()


def steady(text: str) -> str:
    """Without what time alone changes: energy used and the heat it made."""
    varying = r"^(gpu_(?:energy_joules_total|temperature_celsius)\{.*\}) .*$"
    return re.sub(varying, r"\1 VARIES", text, flags=re.MULTILINE)


@pytest.mark.parametrize("state", [busy, throttled, lost])
def test_the_page_of_a_device_is_exactly_this(
    machine: Machine,
    exporter: GpuExporter,
    golden: Golden,
    state: Callable[[SimulatedGpu], None],
) -> None:
    state(machine.gpus[0])

    exporter.sample()

    golden.check(f"{state.__name__}.txt", steady(exporter.collect_text()))


@pytest.mark.parametrize("state", [busy, throttled, lost])
def test_promtool_finds_nothing_to_say(
    machine: Machine,
    exporter: GpuExporter,
    promtool: Path,
    state: Callable[[SimulatedGpu], None],
) -> None:
    state(machine.gpus[0])
    exporter.sample()

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=exporter.collect_text(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


def test_a_lost_device_is_down_and_its_other_series_end(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    before = of_gpu(scrape(), 1)
    machine.gpus[1].lose()

    after = of_gpu(scrape(), 1)

    assert len(before) > 20
    assert after == {"gpu_up gpu=1": 0.0}


def test_a_lost_device_keeps_its_xid_counts(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    scrape()
    machine.gpus[1].lose()

    assert scrape()["gpu_xid_errors_total gpu=1 xid=79"] == 0


def test_a_lost_device_leaves_the_others_alone(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    before = of_gpu(scrape(), 0)
    machine.gpus[1].lose()

    assert of_gpu(scrape(), 0).keys() == before.keys()


def test_a_device_lost_before_the_start_is_down_and_comes_back(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    machine.gpus[0].lose()
    absent = scrape()
    machine.gpus[0].heal()

    back = scrape()

    assert (absent["gpu_up gpu=0"], absent["gpu_devices"]) == (0, 2)
    assert back["gpu_up gpu=0"] == 1
    assert back["gpu_xid_errors_total gpu=0 xid=79"] == 0


def test_the_info_series_says_that_the_device_is_simulated(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    info = [name for name in scrape() if name.startswith("gpu_info") and "gpu=0" in name]

    identity = f"uuid={machine.gpus[0].uuid} name=NVIDIA H100 80GB HBM3 driver=580.126.09"
    assert info == [f"gpu_info gpu=0 {identity} simulated=true"]


def eventually(check: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(("code", "label"), [(79, "79"), (48, "48"), (777, "_other")])
def test_the_first_xid_is_an_increase(
    machine: Machine, exporter: GpuExporter, code: int, label: str
) -> None:
    series = f"gpu_xid_errors_total gpu=1 xid={label}"
    exporter.start()
    before = samples(exporter.collect_text())[series]

    machine.gpus[1].raise_xid(code)

    assert before == 0
    assert eventually(lambda: samples(exporter.collect_text())[series] == 1)
    assert samples(exporter.collect_text())[series.replace("gpu=1", "gpu=0")] == 0


def test_the_page_of_an_xid_is_exactly_this(
    machine: Machine, exporter: GpuExporter, golden: Golden
) -> None:
    exporter.start()
    machine.gpus[0].raise_xid(94)
    eventually(lambda: 'xid="94"} 1.0' in exporter.collect_text())

    page = exporter.collect_text()

    xids = [line for line in page.splitlines() if "gpu_xid" in line]
    golden.check("xid.txt", "\n".join(xids) + "\n")


SERIES_OF_CALL = {
    "nvmlDeviceGetUtilizationRates": (
        "gpu_utilization_ratio",
        "gpu_memory_controller_utilization_ratio",
    ),
    "nvmlDeviceGetMemoryInfo": ("gpu_memory_used_bytes", "gpu_memory_total_bytes"),
    "nvmlDeviceGetPowerUsage": ("gpu_power_watts",),
    "nvmlDeviceGetEnforcedPowerLimit": ("gpu_power_limit_watts",),
    "nvmlDeviceGetTotalEnergyConsumption": ("gpu_energy_joules_total",),
    "nvmlDeviceGetTemperature": ("gpu_temperature_celsius",),
    "nvmlDeviceGetClockInfo": ("gpu_clock_hertz",),
    "nvmlDeviceGetMaxClockInfo": ("gpu_clock_max_hertz",),
    "nvmlDeviceGetCurrentClocksEventReasons": ("gpu_throttle_active",),
}


def family(name: str) -> str:
    return name.partition(" ")[0]


@pytest.mark.parametrize("result", [NOT_SUPPORTED, NOT_AVAILABLE, UNKNOWN_ERROR])
@pytest.mark.parametrize("call", SERIES_OF_CALL)
def test_what_one_call_cannot_say_is_absent_and_all_else_is_there(
    machine: Machine, scrape: Callable[[], dict[str, float]], call: str, result: int
) -> None:
    before = of_gpu(scrape(), 0)

    machine.gpus[0].answer_with(call, result)

    after = of_gpu(scrape(), 0)
    gone = {family(name) for name in before.keys() - after.keys()}
    assert gone == set(SERIES_OF_CALL[call])
    assert after["gpu_up gpu=0"] == 1


def test_a_call_that_fails_is_counted_and_one_that_is_not_supported_is_not(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceGetPowerUsage", UNKNOWN_ERROR)
    machine.gpus[1].answer_with("nvmlDeviceGetTemperature", NOT_SUPPORTED)

    scrape()
    errors = {name: value for name, value in scrape().items() if "nvml_errors" in name}

    assert errors == {"gpu_nvml_errors_total call=nvmlDeviceGetPowerUsage error=unknown": 2}


def test_a_device_that_will_not_be_named_is_down(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceGetUUID", UNKNOWN_ERROR)

    assert of_gpu(scrape(), 0) == {"gpu_up gpu=0": 0.0}


def test_a_device_without_events_has_no_xid_series(
    machine: Machine, scrape: Callable[[], dict[str, float]]
) -> None:
    machine.gpus[0].answer_with("nvmlDeviceRegisterEvents", NOT_SUPPORTED)

    xids = {name.split()[1] for name in scrape() if name.startswith("gpu_xid")}

    assert xids == {"gpu=1"}


def test_a_driver_that_hangs_shows_as_devices_that_do_not_answer(
    machine: Machine, exporter: GpuExporter, clock: Clock
) -> None:
    exporter.sample()
    clock.now += 5.1

    found = samples(exporter.collect_text())

    assert of_gpu(found, 0) == {"gpu_up gpu=0": 0.0}
    assert not exporter.is_fresh()


def test_every_failable_call_is_covered_here() -> None:
    other = {"nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceRegisterEvents"}

    assert set(CALLS) == set(SERIES_OF_CALL) | other


@pytest.mark.parametrize("result", [UNKNOWN_ERROR, NOT_SUPPORTED])
def test_a_device_that_tells_nothing_at_all_is_down(
    machine: Machine, scrape: Callable[[], dict[str, float]], result: int
) -> None:
    before = of_gpu(scrape(), 1)
    for call in SERIES_OF_CALL:
        machine.gpus[0].answer_with(call, result)

    after = scrape()

    assert of_gpu(after, 0) == {"gpu_up gpu=0": 0.0}
    assert of_gpu(after, 1).keys() == before.keys()


def test_an_error_of_our_own_does_not_end_the_sampling(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml, interval_seconds=0.01)
    good = nvml.count

    def bad() -> int:
        raise ValueError("a driver newer than its binding")

    monkeypatch.setattr(nvml, "count", bad)
    exporter.start()
    series = "gpu_nvml_errors_total call=sample error=ValueError"
    assert eventually(lambda: samples(exporter.collect_text()).get(series, 0) >= 3)
    assert caplog.text.count("the devices could not be read") == 1, "told once, not each time"
    assert eventually(lambda: not exporter.is_fresh())

    monkeypatch.setattr(nvml, "count", good)

    assert eventually(lambda: samples(exporter.collect_text()).get("gpu_up gpu=0") == 1)
    assert exporter.close()
    nvml.close()


def test_a_driver_that_hangs_keeps_nobody_from_closing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml, interval_seconds=0.01)
    monkeypatch.setattr("exporters.gpu.events.CLOSE_SECONDS", 0.1)
    monkeypatch.setattr("exporters.gpu.exporter.CLOSE_SECONDS", 0.1)
    waits, waiting = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        waiting.set()
        waits.wait(20)

    monkeypatch.setattr(nvml, "next_xid", hang)
    freed: list[object] = []
    monkeypatch.setattr(nvml, "free", freed.append)
    exporter.start()
    assert waiting.wait(5)
    began = time.monotonic()

    ended = exporter.close()

    waits.set()
    exporter._xids._thread.join(5)
    nvml.close()
    assert time.monotonic() - began < 2
    assert (ended, freed) == (False, []), "what a hanging call may still use is left alone"


def test_an_odd_event_does_not_end_the_listening(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml)
    monkeypatch.setattr("exporters.gpu.events.WAIT_SECONDS", 0.01)
    answers: list[object] = [(1,), None, TypeError("odd")]
    good = nvml.next_xid

    def odd(*arguments: object) -> object:
        if not answers:
            return good(*arguments)
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(nvml, "next_xid", odd)
    exporter.start()
    machine.gpus[1].raise_xid(48)

    series = "gpu_xid_errors_total gpu=1 xid=48"
    assert eventually(lambda: samples(exporter.collect_text())[series] == 1)
    exporter.close()
    nvml.close()
