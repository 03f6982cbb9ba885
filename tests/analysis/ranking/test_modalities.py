from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analysis.ranking.events import Break, breaks, steps
from analysis.ranking.gaps import calls, delays, gaps
from analysis.ranking.multimodal import suspects
from analysis.ranking.resources import Rise, rises
from analysis.ranking.statements import is_error, statement

MS = 1_000_000


def spans(*rows):
    names = ("entity", "span_id", "parent_id", "ts_ns", "duration_ns", "operation")
    return pl.DataFrame(rows, schema=names, orient="row")


def logs(*rows):
    return pl.DataFrame(rows, schema=("span_id", "ts_ns", "body"), orient="row")


def requests(count, *bodies, entity="shop", first=0):
    """As many spans, each of which wrote these lines."""
    made = [(entity, f"{entity}{first + i}", "root", i * MS, MS, "GET /") for i in range(count)]
    lines = [
        (span[1], span[3] + 1 + order, body) for span in made for order, body in enumerate(bodies)
    ]
    return spans(*made), logs(*lines)


def window(*parts):
    frames = list(zip(*parts, strict=True))
    return steps(pl.concat(frames[0]), pl.concat(frames[1]))


def test_a_statement_is_known_by_its_place_in_the_source_whatever_it_says():
    said = pl.DataFrame(
        {"body": ["10:01 INFO c.s.UserImpl#31 id 7", "10:02 INFO c.s.UserImpl#31 id 8"]}
    ).select(statement(pl.col("body")))

    assert said.to_series().to_list() == ["c.s.UserImpl#31", "c.s.UserImpl#31"]


def test_without_a_place_it_is_known_by_the_words_that_stay():
    said = pl.DataFrame({"body": ["saved order 17 in 3ms", "saved order 99 in 5ms"]}).select(
        statement(pl.col("body")).alias("event"), is_error(pl.col("body")).alias("error")
    )

    assert said["event"].to_list() == ["saved order in", "saved order in"]
    assert not said["error"].any()


def test_of_a_json_line_the_message_counts_and_not_what_stands_before_it():
    said = pl.DataFrame(
        {
            "body": [
                '{"time": 16.1, "severity": "INFO", "name": "mail", "message": "sent order 17"}',
                r"{\"severity\":\"error\",\"time\":166,\"message\":\"no card\"}",
                "peer 10.1.1.2:3550 closed",
            ]
        }
    ).select(statement(pl.col("body")).alias("event"), is_error(pl.col("body")).alias("error"))

    assert [text[:10] for text in said["event"]] == ["sent order", 'no card\\"}', "peer close"]
    assert said["error"].to_list() == [False, True, False]


def test_a_step_that_no_longer_comes_is_a_break():
    healthy = window(requests(20, "start A.java:1", "done A.java:2"))
    faulty = window(requests(12, "start A.java:1"))

    found = breaks([healthy], faulty)["shop"]

    assert (found.event, found.expected, found.drop) == ("A.java:1", "A.java:2", 1.0)
    assert found.says == ("start", "done")


def test_a_step_that_wavers_in_health_is_no_break():
    steady = [window(requests(20, "a A.java:1", "b A.java:2")) for _ in range(2)]
    wavering = [
        window(requests(20, "a A.java:1", "b A.java:2")),
        window(requests(20, "a A.java:1")),
    ]
    faulty = window(requests(12, "a A.java:1"))

    assert breaks(steady, faulty)["shop"].score > 10
    assert "shop" not in breaks(wavering, faulty)


def test_an_error_never_seen_before_in_its_place_counts_double():
    healthy = window(requests(20, "a A.java:1", "b A.java:2"))
    quiet = window(requests(12, "a A.java:1", "c A.java:3"))
    loud = window(requests(12, "a A.java:1", "ERROR c A.java:3"))

    assert breaks([healthy], loud)["shop"].score == pytest.approx(
        2 * breaks([healthy], quiet)["shop"].score
    )


def test_a_slow_way_counts_for_who_is_called():
    def called(wait):
        return spans(
            ("shop", "1", "root", 0, wait * MS, "GET"),
            ("stock", "2", "1", MS, 5 * MS, "GET"),
            ("shop", "3", "root", 0, 7 * MS, "GET"),
            ("price", "4", "3", MS, 5 * MS, "GET"),
        )

    found = delays(gaps(called(7)), gaps(called(207)))

    assert found["stock"] > 3
    assert found["price"] == 0
    assert calls(called(7)) == {"shop": frozenset({"stock", "price"})}


def test_a_lasting_rise_is_told_and_a_spike_is_not():
    flat, busy = np.full(20, 1.0), np.array([90.0, 99.0, 98.0])
    found = rises(
        {
            "a": {"cpu": (flat, busy)},
            "b": {"cpu": (flat, np.array([1.0, 99.0, 1.0]))},
            "c": {"cpu": (flat, np.full(3, 1.0))},
        }
    )

    assert list(found) == ["a"]


def test_of_two_metrics_that_tell_the_same_the_share_is_named():
    flat = np.full(20, 1.0)
    found = rises(
        {
            "a": {"millicores": (flat * 5, flat[:3] * 500), "percent": (flat, flat[:3] * 100)},
            "b": {"millicores": (flat * 5, flat[:3] * 5), "percent": (flat, flat[:3])},
        }
    )

    assert found["a"].metric == "percent"


def test_a_caller_of_something_broken_comes_after_it():
    order = suspects(
        {"shop": Break("a", "b", 1.0, 70.0)},
        {"stock": 4.0},
        {"price": Rise("cpu", 1.0)},
        {"shop": frozenset({"stock"})},
    )

    assert [it.entity for it in order] == ["stock", "shop", "price"]
    assert order[0].inside == ("network",)
