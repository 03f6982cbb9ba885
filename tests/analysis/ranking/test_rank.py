from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.ranking import Measured, Scene, rank
from analysis.ranking.excess import direction
from analysis.ranking.gate import is_incident, p_value

GAP = float("nan")


def measured(before, during, calls=100.0, usual=None, calls_during=None):
    rows, after = len(before), len(during)
    return Measured(
        np.array(before, float),
        np.array(during, float),
        np.full(rows, float(calls)),
        np.full(after, float(calls if calls_during is None else calls_during)),
        np.empty(0) if usual is None else np.array(usual, float),
    )


def scene(calls, symptom="site", **entities):
    return Scene(symptom, {name: frozenset(to) for name, to in calls.items()}, entities)


def first(built):
    return rank(built)[0].entity


def test_the_entity_that_lost_the_time_is_named_and_not_who_waited_for_it():
    built = scene(
        {"site": ["api"], "api": ["table"]},
        site=measured([0.3, 0.3], [0.8, 0.8]),
        api=measured([0.2, 0.2], [0.7, 0.7]),
        table=measured([0.1, 0.1], [0.6, 0.6]),
    )

    assert [it.entity for it in rank(built)] == ["table", "api", "site"]


def test_a_caller_that_lost_more_than_its_callees_is_named():
    built = scene(
        {"site": ["api"], "api": ["table"]},
        site=measured([0.3, 0.3], [1.3, 1.3]),
        api=measured([0.2, 0.2], [1.2, 1.2]),
        table=measured([0.1, 0.1], [0.2, 0.2]),
    )

    assert first(built) == "api"


def test_many_calls_that_lost_little_outweigh_few_that_lost_much():
    built = scene(
        {"site": ["busy", "rare"]},
        site=measured([0.3, 0.3], [0.4, 0.4], calls=1000),
        busy=measured([0.1, 0.1], [0.2, 0.2], calls=1000),
        rare=measured([2.0, 2.0], [4.0, 4.0], calls=3),
    )

    assert first(built) == "busy"


def test_failures_are_followed_as_times_are():
    built = scene(
        {"site": ["api", "cache"]},
        site=measured([100, 100], [95, 95], calls=500),
        api=measured([100, 100], [75, 75], calls=100),
        cache=measured([100, 100], [100, 100], calls=400),
    )

    assert first(built) == "api"


def test_an_entity_that_is_always_down_means_nothing():
    built = scene(
        {"site": ["api", "dead"]},
        site=measured([99, 99], [90, 90]),
        api=measured([100, 100], [91, 91]),
        dead=measured([0, 0], [0, 0], calls=900),
    )

    assert first(built) == "api"


def test_a_callee_never_seen_before_is_its_callers_doing():
    built = scene(
        {"site": ["api"], "api": ["nowhere"]},
        site=measured([100, 100], [80, 80]),
        api=measured([100, 100], [80, 80]),
        nowhere=measured([GAP, GAP], [0, 0]),
    )

    assert first(built) == "api"
    assert "nowhere" not in [it.entity for it in rank(built)]


def test_two_causes_at_once_are_the_first_two():
    built = scene(
        {"site": ["a", "b", "c"]},
        site=measured([0.3, 0.3], [0.9, 0.9]),
        a=measured([0.1, 0.1], [0.5, 0.5]),
        b=measured([0.1, 0.1], [0.3, 0.3]),
        c=measured([0.1, 0.1], [0.1, 0.1]),
    )

    assert [it.entity for it in rank(built)][:2] == ["a", "b"]


def test_a_callee_of_two_callers_explains_each_in_its_share():
    built = scene(
        {"site": ["left", "right"], "left": ["table"], "right": ["table"]},
        site=measured([0.4, 0.4], [1.0, 1.0]),
        left=measured([0.2, 0.2], [0.5, 0.5]),
        right=measured([0.2, 0.2], [0.5, 0.5]),
        table=measured([0.1, 0.1], [0.4, 0.4], calls=200),
    )

    candidates = {it.entity: it for it in rank(built)}

    assert first(built) == "table"
    assert candidates["left"].unexplained == pytest.approx(0.0)


def test_an_unknown_symptom_ranks_nothing():
    assert rank(scene({}, symptom="gone", api=measured([1], [2]))) == []


def test_calls_in_a_circle_come_to_an_end():
    built = scene(
        {"site": ["api"], "api": ["site"]},
        site=measured([0.3, 0.3], [0.6, 0.6]),
        api=measured([0.1, 0.1], [0.4, 0.4]),
    )

    assert {it.entity for it in rank(built)} == {"site", "api"}


values = st.lists(
    st.one_of(st.floats(0, 1e6), st.just(GAP), st.just(float("inf"))), min_size=1, max_size=4
)


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(values, values), min_size=1))
def test_whatever_the_rows_hold_a_ranking_comes_and_no_crash(found):
    names = sorted(found)
    built = Scene(
        names[0],
        {name: frozenset(names) for name in names},
        {name: measured(*rows) for name, rows in found.items()},
    )

    with np.errstate(all="ignore"):
        assert len(rank(built)) <= len(names)


@given(st.randoms(), st.floats(1e-6, 1e6))
def test_names_order_and_unit_change_nothing(chance, unit):
    entities = {
        "site": ([0.3, 0.3], [0.8, 0.9]),
        "api": ([0.2, 0.2], [0.7, 0.8]),
        "table": ([0.1, 0.1], [0.6, 0.7]),
        "cache": ([0.01, 0.01], [0.01, 0.02]),
    }
    calls = {"site": ["api", "cache"], "api": ["table"]}
    order = list(entities)
    chance.shuffle(order)
    alias = {name: f"x{index}" for index, name in enumerate(order)}

    disguised = Scene(
        alias["site"],
        {alias[name]: frozenset(alias[to] for to in called) for name, called in calls.items()},
        {
            alias[name]: measured(*(np.array(rows) * unit for rows in entities[name]))
            for name in order
        },
    )

    assert first(disguised) == alias["table"]


def test_a_shift_as_large_as_health_has_now_and_then_is_no_incident():
    chance = np.random.default_rng(1)
    usual = 0.1 + 0.002 * chance.standard_normal(500)

    assert not is_incident(measured([0.1, 0.1], [0.101, 0.1005, 0.1], usual=usual))
    assert is_incident(measured([0.1, 0.1], [0.2, 0.21, 0.19], usual=usual))


def test_a_caller_bears_no_blame_for_the_row_that_is_missing_of_its_callee():
    built = scene(
        {"site": ["api"]},
        site=measured([0.3, 0.3], [0.4, 1.3, 0.4]),
        api=measured([0.2, 0.2], [0.3, GAP, 0.3]),
    )
    found = {it.entity: it for it in rank(built)}

    assert first(built) == "api"
    assert found["site"].unexplained == pytest.approx(0.0)
    assert found["api"].excess == pytest.approx(300 * 0.1)


def test_a_caller_keeps_what_its_callee_did_not_lose_in_the_rows_that_are_known():
    built = scene(
        {"site": ["api"]},
        site=measured([0.3, 0.3], [1.3, 1.3, 1.3]),
        api=measured([0.2, 0.2], [0.3, GAP, 0.3]),
    )

    assert rank(built)[0].unexplained == pytest.approx(300 * 0.9)


def test_a_row_before_that_holds_the_begin_already_is_outvoted():
    built = scene(
        {"site": ["api"]},
        site=measured([0.3, 0.5], [0.8, 0.8, 0.3], usual=[0.3] * 20),
        api=measured([GAP, 0.4], [0.7, 0.7, 0.2], usual=[0.2] * 20),
    )

    assert rank(built)[0].excess == pytest.approx(200 * 0.5)
    assert first(built) == "api"


def test_what_is_always_down_is_so_too_where_a_row_before_is_missing():
    built = scene(
        {"site": ["api", "dead"]},
        site=measured([99, 99], [90, 90], usual=[99] * 20),
        api=measured([100, 100], [91, 91], usual=[100] * 20),
        dead=measured([GAP, 0], [0, 0], calls=900, usual=[100] * 20),
    )

    assert first(built) == "api"


def test_a_long_stretch_that_is_mostly_missing_moves_no_level():
    usual = [50.0] * 12 + [GAP] * 80
    built = scene(
        {"site": ["api"]},
        site=measured([99, 99], [98, 98]),
        api=measured([GAP, 99], [90, 90], usual=usual),
    )

    assert rank(built)[0].excess == pytest.approx(200 * 9)


def test_how_rare_a_shift_is_stays_unknown_where_no_row_before_is_known():
    assert p_value(measured([GAP, GAP], [0.3, 0.3], usual=[0.1, 0.2] * 50)) is None
    assert p_value(measured([0.1, 0.1], [GAP, GAP], usual=[0.1, 0.2] * 50)) is None


def test_which_way_the_symptom_went_is_told_by_the_row_farthest_from_usual():
    begun_before = measured([0.1, 0.14], [0.1, 0.13, 0.1], usual=[0.1] * 30)

    assert direction(begun_before) == 1.0
    assert direction(measured([1.0, 0.97], [0.96, 1.0, 1.0], usual=[1.0] * 30)) == -1.0
