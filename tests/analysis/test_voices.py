from __future__ import annotations

from dataclasses import replace

import polars as pl

from analysis.diagnose import diagnose
from analysis.evidence import SECOND
from analysis.frames import LOG_SCHEMA
from analysis.graph import build
from analysis.rootcause.voices import voices
from tests.analysis.scenes import Scene

GRAPH = build({"gateway", "replica/heron", "replica/stilt"}, {})
WINDOW = Scene().evidence().window
ONSET = WINDOW.start_ns + 10 * SECOND


def lines(*rows: tuple[float, str | None, int, str, str | None]) -> pl.DataFrame:
    """Seconds from the onset, pod, severity, body, exception."""
    return pl.DataFrame(
        [
            {
                **dict.fromkeys(LOG_SCHEMA), "ts_ns": ONSET + int(at * SECOND), "pod": pod,
                "severity": severity, "body": body, "exception_type": exception,
            }
            for at, pod, severity, body, exception in rows
        ],
        schema=dict(LOG_SCHEMA), orient="row",
    )  # fmt: skip


def heard(frame: pl.DataFrame) -> list[tuple[str, str, str]]:
    evidence = replace(Scene().evidence(), logs=frame)
    return [(v.entity, v.statement, v.kind) for v in voices(evidence, GRAPH, ONSET)]


OLD = (-10.0, None, 9, "request 1 is over", None)


def test_an_exception_that_never_came_before_is_heard_at_its_replica():
    frame = lines(OLD, *((i / 5, "heron", 17, "exception", "KeyError") for i in range(20)))

    assert heard(frame) == [("replica/heron", "KeyError", "new")]


def test_what_always_complained_as_often_says_nothing():
    always = [(i / 2, None, 13, f"upstream call {i} failed", None) for i in range(-20, 20)]

    assert heard(lines(OLD, *always)) == []


def test_a_complaint_that_bursts_is_told_apart_from_a_new_one():
    before = [(-10.0 + i, None, 13, f"slow client {i}", None) for i in range(2)]
    after = [(i / 10, None, 13, f"slow client {i}", None) for i in range(80)]

    found = heard(lines(OLD, *before, *after))

    assert [(entity, kind) for entity, _, kind in found] == [("gateway", "burst")]


def test_plain_lines_are_no_complaints():
    assert heard(lines(OLD, *((i / 5, "heron", 9, "warm", None) for i in range(40)))) == []


def test_a_verdict_that_abstains_says_what_the_logs_say_anew():
    effects = {("service/chat", "error_share", ""): ("to", 0.5)}
    said = "certificate has expired"
    frame = lines(OLD, *((i / 5, None, 17, said, "SSLError") for i in range(9)))

    before = lines((-30.0, None, 9, "request 0 is over", None))
    evidence = replace(Scene(effects).evidence(), logs_before=before, logs=frame)
    verdict = diagnose(evidence)

    assert verdict.abstained
    assert "SSLError: certificate has expired" in verdict.reason
