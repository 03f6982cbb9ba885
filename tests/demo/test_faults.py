from __future__ import annotations

import random

import pytest

from demo.faults import FAULTS
from demo.stage import HEALTHY
from exporters.catalog.kinds import KINDS


class Recorded:
    """A stage that only notes what it is told."""

    replicas = ("vega", "altair")
    service = "chat"

    def __init__(self):
        self.changes: list[tuple[str, dict[str, object]]] = []

    def control(self, name: str, **change: object) -> None:
        self.changes.append((name, change))


def inject(name: str, seed: int = 1):
    stage = Recorded()
    return FAULTS[name].inject(stage, random.Random(seed)), stage.changes


def test_the_registry_holds_every_fault_in_its_order():
    assert list(FAULTS) == [
        "none",
        "slow_replica",
        "traffic_burst",
        "kv_cache_exhaustion",
        "retry_storm",
        "upstream_slow",
        "telemetry_gap",
    ]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_declares_one_whole_outcome(fault):
    expected = fault.expected

    assert expected.kind is None or expected.kind in KINDS
    assert expected.page or (expected.kind is None and not expected.abstained)
    assert not expected.page or (expected.kind is None) == expected.abstained


@pytest.mark.parametrize("name", FAULTS)
def test_everything_a_fault_changes_is_undone_by_healing(name):
    _, changes = inject(name)

    for process, change in changes:
        kind = "replica" if process in Recorded.replicas else process
        assert set(change) <= set(HEALTHY[kind])
        assert change != {key: HEALTHY[kind][key] for key in change}


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "none"])
def test_the_seed_draws_which_replica_breaks_and_how_hard(name):
    drawn = {inject(name, seed)[0].says for seed in range(20)}

    assert inject(name, 7)[0] == inject(name, 7)[0]
    assert len(drawn) > 1


def test_the_named_entity_is_the_replica_that_was_broken():
    for seed in range(10):
        injected, changes = inject("slow_replica", seed)
        assert injected.entities == (f"replica/{changes[0][0]}",)
