from __future__ import annotations

import random
from pathlib import Path

import pytest

from demo.faults import FAULTS
from demo.service.accelerator import Accelerator, DeviceError
from demo.stage import HEALTHY
from exporters.catalog.kinds import KINDS

UNDRAWN = ("none", "cache_outage")
"""Faults of which nothing is drawn but when they come."""


class Recorded:
    """A stage that only notes what it is told."""

    replicas = ("vega", "altair")
    service = "chat"
    rate = 11.0

    def __init__(self, folder: Path):
        self.changes: list[tuple[str, dict[str, object]]] = []
        self.replaced: dict[str, dict[str, object]] = {}
        self.limited: dict[str, float] = {}
        self.state = folder / "device"
        Accelerator.create(self.state, 2)

    def control(self, name: str, **change: object) -> None:
        self.changes.append((name, change))

    @property
    def members(self) -> dict[str, Recorded]:
        return {"cache": self}

    @property
    def process(self) -> Recorded:
        return self

    def stop(self, grace: float) -> None:
        pass

    def slow(self, name: str, factor: float) -> None:
        self.control(name, slowdown=factor)

    def stall(self, name: str, seconds: float) -> None:
        self.control(name, stall=seconds)

    def replace(self, name: str, **changes: object) -> float:
        self.replaced[name] = changes
        return 1.0

    def cpu_used(self, name: str) -> float:
        return 0.5

    def limit_cpu(self, name: str, cores: float) -> None:
        self.limited[name] = cores

    def gpu(self, name: str) -> str:
        return f"gpu/{self.replicas.index(name)}"

    def accelerator(self, name: str) -> Accelerator:
        return Accelerator.attach(self.state, self.replicas.index(name))


@pytest.fixture
def inject(tmp_path):
    def inject(name: str, seed: int = 1):
        stage = Recorded(tmp_path)
        return FAULTS[name].inject(stage, random.Random(seed)), stage

    return inject


def test_the_registry_holds_every_fault_in_its_order():
    assert list(FAULTS) == [
        "none",
        "slow_replica",
        "traffic_burst",
        "kv_cache_exhaustion",
        "retry_storm",
        "upstream_slow",
        "gpu_throttle",
        "gpu_fault",
        "kernel_regression",
        "rate_limit",
        "bad_deploy",
        "client_gone_storm",
        "cpu_starvation",
        "memory_leak",
        "cold_start",
        "cache_outage",
        "telemetry_gap",
    ]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_declares_one_whole_outcome(fault):
    expected = fault.expected

    assert expected.kind is None or expected.kind in KINDS
    assert expected.page or (expected.kind is None and not expected.abstained)
    assert not expected.page or (expected.kind is None) == expected.abstained


@pytest.mark.parametrize("name", FAULTS)
def test_everything_a_fault_changes_is_undone_by_healing(name, inject):
    _, stage = inject(name)

    for process, change in stage.changes:
        kind = "replica" if process in Recorded.replicas else process
        assert set(change) <= set(HEALTHY[kind])
        assert change != {key: HEALTHY[kind][key] for key in change}


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in UNDRAWN])
def test_the_seed_draws_which_replica_breaks_and_how_hard(name, inject):
    drawn = {inject(name, seed)[0].says for seed in range(20)}

    assert inject(name, 7)[0].says == inject(name, 7)[0].says
    assert len(drawn) > 1


def test_the_named_entity_is_the_replica_that_was_broken(inject):
    for seed in range(10):
        injected, stage = inject("slow_replica", seed)
        assert injected.entities == (f"replica/{stage.changes[0][0]}",)


def seconds_of(device: Accelerator) -> float:
    begin, end = device.launch(0.0, 1.0)
    return end - begin


@pytest.mark.parametrize("name", ["gpu_throttle", "kernel_regression"])
def test_a_slow_gpu_slows_every_kernel_on_it_and_none_on_its_sister(name, inject):
    injected, stage = inject(name)
    slow = [name for name in stage.replicas if seconds_of(stage.accelerator(name)) > 3.0]

    assert [stage.gpu(name) for name in slow] == list(injected.entities)


def test_throttling_shows_in_the_clocks_and_a_regression_does_not(inject):
    for fault, shown in (("gpu_throttle", True), ("kernel_regression", False)):
        _, stage = inject(fault)
        lowest = min(stage.accelerator(name).gpu.clock_ratio for name in stage.replicas)
        assert (lowest < 1.0) is shown


def test_a_faulty_gpu_runs_no_kernel_until_it_is_reset(inject):
    injected, stage = inject("gpu_fault")
    device = stage.accelerator(stage.replicas[int(injected.entities[0][-1])])

    with pytest.raises(DeviceError):
        seconds_of(device)
    device.heal()
    assert seconds_of(device) == 1.0
