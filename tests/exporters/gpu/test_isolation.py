"""What hangs, fails or answers nonsense, and what must not suffer for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from exporters.gpu import GpuExporter
from exporters.gpu.nvml import Nvml, events
from tests.devices import Machine, Scenario
from tests.exporters.gpu.pages import Clock, eventually, of_gpu, samples

HANGING = ("[gpu 1]", "PowerUsage = HANG")


def test_a_call_that_hangs_ends_the_series_of_its_own_device_alone(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter]
) -> None:
    changing = scenario("h100")
    exporter = watch(interval_seconds=0.05, clock=time.monotonic)
    exporter.start()
    before = of_gpu(samples(exporter.collect_text()), 0).keys()

    changing.change("h100", *HANGING)

    def up() -> list[float]:
        found = samples(exporter.collect_text())
        return [found[f"gpu_up gpu={gpu}"] for gpu in range(4)]

    assert eventually(lambda: up() == [1, 0, 1, 1])
    time.sleep(0.3)
    found = samples(exporter.collect_text())
    assert [name for name in of_gpu(found, 1) if name != "gpu_up gpu=1"] == []
    assert of_gpu(found, 0).keys() >= before
    assert (
        found["gpu_nvml_pass_age_seconds gpu=1"] > 0.25 > found["gpu_nvml_pass_age_seconds gpu=0"]
    )
    assert exporter.is_fresh()

    changing.change("h100")
    assert eventually(lambda: up() == [1, 1, 1, 1]), "and it comes back when the call ends"


def test_a_scrape_does_not_wait_for_a_call_that_hangs(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter], clock: Clock
) -> None:
    changing = scenario("h100", *HANGING)
    exporter = watch()
    exporter.sample(patience_seconds=0.2)
    began = time.monotonic()

    exporter.sample(patience_seconds=10)
    found = samples(exporter.collect_text())

    assert time.monotonic() - began < 5, "it is waited for only the first time"
    assert [found[f"gpu_up gpu={gpu}"] for gpu in range(4)] == [1, 0, 1, 1]
    changing.change("h100")


def test_calls_of_several_devices_run_side_by_side(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter]
) -> None:
    scenario("h100", "gpus = 8", "[gpu *]", "delay_us = 2000")
    exporter = watch()
    exporter.sample()
    began = time.monotonic()

    exporter.sample()

    took = time.monotonic() - began
    count = samples(exporter.collect_text())["gpu_nvml_call_duration_seconds_sum gpu=0"]
    assert took < 4 * count / 2, "eight devices take less than four would, one after another"


def test_a_driver_that_hangs_altogether_shows_as_devices_that_do_not_answer(
    machine: Machine, watch: Callable[..., GpuExporter], clock: Clock
) -> None:
    exporter = watch()
    exporter.sample()
    clock.now += 5.1

    found = samples(exporter.collect_text())

    assert of_gpu(found, 0) == {"gpu_up gpu=0": 0.0}
    assert not exporter.is_fresh()


def test_a_device_that_tells_nothing_at_all_is_down(
    scenario: Callable[..., Scenario], watch: Callable[..., GpuExporter]
) -> None:
    scenario("h100", "gpus = 2", "[gpu 0]", "Every = UNKNOWN")
    exporter = watch()
    exporter.sample()

    found = samples(exporter.collect_text())

    assert of_gpu(found, 0) == {"gpu_up gpu=0": 0.0}
    assert found["gpu_up gpu=1"] == 1


def test_an_error_of_our_own_does_not_end_the_sampling(
    machine: Machine,
    watch: Callable[..., GpuExporter],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = watch(interval_seconds=0.01, clock=time.monotonic)
    good = Nvml.handle

    def bad(self: Nvml, index: int) -> object:
        if index == 1:
            raise ValueError("a driver newer than its binding")
        return good(self, index)

    monkeypatch.setattr(Nvml, "handle", bad)
    exporter.start()
    series = "gpu_nvml_errors_total call=sample error=ValueError"
    assert eventually(lambda: samples(exporter.collect_text()).get(series, 0) >= 3)
    assert caplog.text.count("GPU 1 could not be read") == 1, "told once, not each time"
    assert samples(exporter.collect_text())["gpu_up gpu=0"] == 1

    monkeypatch.setattr(Nvml, "handle", good)

    assert eventually(lambda: samples(exporter.collect_text()).get("gpu_up gpu=1") == 1)


def test_an_error_of_our_own_does_not_end_the_counting(
    machine: Machine, watch: Callable[..., GpuExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = watch()
    exporter.sample()

    def bad(self: Nvml) -> int:
        raise ValueError("a driver newer than its binding")

    monkeypatch.setattr(Nvml, "count", bad)
    exporter.sample()

    found = samples(exporter.collect_text())
    assert (found["gpu_devices"], found["gpu_up gpu=1"]) == (2, 1)
    assert found["gpu_nvml_errors_total call=sample error=ValueError"] == 1


def test_a_driver_that_hangs_keeps_nobody_from_closing(
    machine: Machine, watch: Callable[..., GpuExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = watch(interval_seconds=0.01)
    monkeypatch.setattr("exporters.gpu.events.CLOSE_SECONDS", 0.1)
    waits, waiting = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        waiting.set()
        waits.wait(20)

    freed: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(events, "wait", hang)
        patched.setattr(events, "free", freed.append)
        exporter.start()
        assert waiting.wait(5)
        began = time.monotonic()

        ended = exporter.close()

    assert time.monotonic() - began < 2
    assert (ended, freed) == (False, []), "what a hanging call may still use is left alone"
    waits.set()
    exporter._events._thread.join(5)


def test_a_count_that_hangs_keeps_no_device_from_being_read(
    machine: Machine,
    watch: Callable[..., GpuExporter],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = watch()
    exporter.sample()
    waits = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(Nvml, "count", lambda _: waits.wait(20) and 2)
        exporter.sample(patience_seconds=0.2)
        clock.now += 6
        exporter.sample()

        found = samples(exporter.collect_text())
        waits.set()
        assert exporter._enumeration.wait(5)

    assert (found["gpu_up gpu=0"], found["gpu_up gpu=1"]) == (1, 1)
    assert found["gpu_nvml_pass_age_seconds gpu=0"] == 0
