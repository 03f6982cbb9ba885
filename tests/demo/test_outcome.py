from __future__ import annotations

from typing import Any

from demo.outcome import Declared, judge, named, rank_of

SLOW = Declared(page=True, kind="slow_replica", entities=frozenset({"replica/vega"}))
SILENT = Declared(page=True, abstains=True, entities=frozenset({"replica/vega"}))
QUIET = Declared(page=False)


def verdict(*causes: tuple[str, str], gaps: tuple[str, ...] = (), abstained: bool = False) -> Any:
    return {
        "abstained": abstained,
        "causes": [{"rank": i, "kind": k, "entity": e} for i, (k, e) in enumerate(causes, 1)],
        "data_quality": [{"source": source, "gap": "silent"} for source in gaps],
    }


def test_the_declared_cause_at_rank_one_with_a_page_is_met():
    assert "" == judge(SLOW, paged=True, verdict=verdict(("slow_replica", "replica/vega")))


def test_the_right_kind_at_the_wrong_entity_is_a_miss():
    miss = judge(SLOW, paged=True, verdict=verdict(("slow_replica", "replica/rigel")))

    assert "the verdict names slow_replica at replica/rigel" == miss


def test_the_declared_cause_at_rank_two_is_a_miss_that_is_counted():
    second = verdict(("traffic_burst", "clients"), ("slow_replica", "replica/vega"))

    assert "the verdict names traffic_burst at clients" == judge(SLOW, paged=True, verdict=second)
    assert 2 == rank_of(SLOW, second)


def test_a_right_verdict_without_a_page_is_a_miss():
    right = verdict(("slow_replica", "replica/vega"))

    assert "no page came" == judge(SLOW, paged=False, verdict=right)


def test_a_page_without_a_verdict_is_a_miss():
    assert "the page came, no verdict did" == judge(SLOW, paged=True, verdict=None)


def test_an_abstention_is_a_miss_where_a_cause_was_declared():
    abstained = verdict(abstained=True)

    assert "the verdict abstains (no gap named)" == judge(SLOW, paged=True, verdict=abstained)


def test_any_page_is_a_miss_where_none_was_declared():
    assert "" == judge(QUIET, paged=False, verdict=None)
    assert "it paged although nothing was wrong" == judge(QUIET, paged=True, verdict=None)


def test_an_abstention_that_names_the_silent_source_is_met():
    assert "" == judge(SILENT, paged=True, verdict=verdict(gaps=("replica/vega",), abstained=True))


def test_an_abstention_that_names_another_source_is_a_miss():
    miss = judge(SILENT, paged=True, verdict=verdict(gaps=("node",), abstained=True))

    assert "the verdict abstains and names node as missing, not replica/vega" == miss


def test_a_cause_named_without_the_data_is_a_miss():
    miss = judge(SILENT, paged=True, verdict=verdict(("slow_replica", "replica/vega")))

    assert "the verdict names slow_replica at replica/vega and should abstain" == miss


def test_the_table_says_what_was_named_in_few_words():
    assert "–" == named(None)
    assert "abstains (replica/vega)" == named(verdict(gaps=("replica/vega",), abstained=True))
    assert "slow_replica at replica/vega" == named(verdict(("slow_replica", "replica/vega")))
