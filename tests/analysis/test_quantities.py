from __future__ import annotations

import pytest

from analysis.quantities import QUANTITIES
from analysis.rootcause.hypotheses import HYPOTHESES
from exporters.catalog import neutral
from exporters.catalog.kinds import KINDS
from tests.promql_lint import problems

DERIVED = {"latency", "resent_growth"}
CHANGES = {"deploy", "restart"}


@pytest.mark.parametrize("service", [None, "chat"])
@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.key)
def test_every_query_reads_what_the_catalogue_has(quantity, service):
    assert problems(quantity.query(service)) == []


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.key)
def test_queries_read_recorded_series_alone(quantity):
    names = {signal.name for signal in neutral.SIGNALS}

    assert any(name in quantity.query("chat") for name in names)


def test_keys_are_unique():
    assert len({quantity.key for quantity in QUANTITIES}) == len(QUANTITIES)


@pytest.mark.parametrize("hypothesis", HYPOTHESES, ids=lambda hypothesis: hypothesis.kind)
def test_every_clue_speaks_of_something_measured(hypothesis):
    known = {quantity.key for quantity in QUANTITIES} | DERIVED
    clues = (*hypothesis.needs, *hypothesis.supports, *hypothesis.against)

    assert {clue.quantity for clue in clues if "changed" not in clue.test} <= known
    assert {clue.quantity for clue in clues if "changed" in clue.test} <= CHANGES
    assert hypothesis.kind in KINDS
    assert all(0 < clue.weight <= 1 for clue in hypothesis.against)
