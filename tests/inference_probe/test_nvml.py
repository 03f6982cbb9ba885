"""What the probe reads of a device, through unmodified pynvml over the simulated library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.device import ThrottleReason
from exporters.gpu.nvml import Nvml
from inference_probe import nvml
from inference_probe.state import AssumedIdle, Reading, UnknownState
from tests.devices import Machine, machine, nvml_library

__all__ = ["machine", "nvml_library"]


@pytest.fixture
def probed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(nvml, "Nvml", lambda: Nvml(machine.library))
    nvml._nvml.cache_clear()
    yield machine
    opened = nvml._nvml()
    assert opened
    opened.close()
    nvml._nvml.cache_clear()


def test_load_clocks_and_reasons_are_those_of_the_gpu_with_that_uuid(probed: Machine) -> None:
    idle, hot = probed.gpus
    hot.report(busy_ratio=0.5, memory_used_bytes=0)
    hot.throttle(ThrottleReason.HW_THERMAL_SLOWDOWN, 0.6)

    found = nvml.state_of(hot.uuid).read()

    assert found.utilization == pytest.approx(0.5, abs=0.01)
    assert found.clock_ratio == pytest.approx(0.6, abs=0.01)
    assert found.throttled_by
    assert "hw_thermal_slowdown" in found.throttled_by
    assert not found.is_resting
    assert nvml.state_of(idle.uuid).read().utilization == 0


def test_a_gpu_that_is_lost_says_nothing_and_raises_nothing(probed: Machine) -> None:
    state = nvml.state_of(probed.gpus[1].uuid)
    probed.gpus[1].lose()

    assert state.read() == Reading(None, None, None)


def test_a_gpu_that_nvml_does_not_know_says_nothing(probed: Machine) -> None:
    assert nvml.state_of("GPU-other").read() == Reading()


def test_the_driver_s_version_is_known(probed: Machine) -> None:
    assert nvml.driver_version()[0].isdigit()


def test_what_cannot_say_its_load_is_busy_unless_an_operator_calls_it_idle() -> None:
    assert UnknownState().read().is_busy
    assert not AssumedIdle(UnknownState()).read().is_busy


def test_an_operator_s_word_does_not_hide_real_load() -> None:
    class Busy:
        def read(self) -> Reading:
            return Reading(utilization=0.7)

    assert AssumedIdle(Busy()).read().is_busy
