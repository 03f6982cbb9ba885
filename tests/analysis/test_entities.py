"""One upstream under several names is one, and two that are alike are two."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Sequence

import polars as pl

from analysis import entities
from analysis.calls import NEEDED
from analysis.entities import unified
from analysis.evidence import SERIES_SCHEMA
from analysis.graph import build
from analysis.phases import peer

STEP = 15 * 10**9
STEPS = 40
Time = Callable[[int], float]


def series(**times: Sequence[float]) -> pl.DataFrame:
    rows = [
        {"entity": f"upstream/{name.replace('_', '-')}", "quantity": "upstream_time", "part": "",
         "ts_ns": (step + 1) * STEP, "value": value}
        for name, values in times.items() for step, value in enumerate(values)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SERIES_SCHEMA)


def call(number: int, step: int, name: str, seconds: float, answered: str | None) -> list[dict]:
    trace = f"{number:032x}"
    shared = {"trace_id": trace, "ts_ns": step * STEP + 10**9 + number % 1_000,
              "duration_ns": int(seconds * 1e9), "operation": "call", "status": "ok",
              "weight": None, "pod": None}  # fmt: skip
    told = json.dumps({"note": 'a "quoted" $1', "peer.service": name})
    own = shared | {"span_id": f"{number:015x}1", "parent_id": None, "service": "gateway",
                    "kind": "client", "attributes": told}  # fmt: skip
    if answered is None:
        return [own]
    below = {"span_id": f"{number:015x}2", "parent_id": own["span_id"], "service": answered,
             "kind": "server", "attributes": "{}"}  # fmt: skip
    return [own, shared | below]


def spans(
    name: str, times: Sequence[float], answers: Sequence[str | None] = (None,)
) -> pl.DataFrame:
    first = zlib.crc32(name.encode()) * 10**4
    rows = [
        row
        for step, seconds in enumerate(times)
        for each in range(3)
        for row in call(
            first + 3 * step + each, step, name, seconds, answers[(3 * step + each) % len(answers)]
        )
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    assert set(frame.columns) >= NEEDED
    return frame.with_columns(pl.col("weight").cast(pl.Float64), pl.col("pod").cast(pl.String),
                              pl.col("parent_id").cast(pl.String))  # fmt: skip


def wild(seed: int) -> list[float]:
    chance = random.Random(seed)
    return [0.1 * chance.lognormvariate(0, 0.5) for _ in range(STEPS)]


def called(frame: pl.DataFrame) -> set[str]:
    return set(frame.select(name=peer(frame))["name"].drop_nulls())


def test_a_name_that_one_service_answers_is_that_service_as_metrics_call_it():
    frame = spans("features-lb.internal", wild(1), ["features"])

    [one] = unified([frame], series(features=wild(2)), STEP)

    assert called(one) == {"features"}
    assert one["attributes"][0] == '{"note": "a \\"quoted\\" $1", "peer.service": "features"}'
    assert build(("upstream/features",), {}, one).of_kind("upstream") == ("upstream/features",)


def test_a_balancer_behind_which_several_answer_stays_itself():
    frame = spans("balancer", wild(1), ["features", "auth"])

    [one] = unified([frame], series(features=wild(2), auth=wild(3)), STEP)

    assert called(one) == {"balancer"}


def test_a_name_that_metrics_use_is_kept_whoever_answers():
    frame = spans("features", wild(1), ["feature-store"])

    [one] = unified([frame], series(features=wild(1)), STEP)

    assert called(one) == {"features"}


def test_a_name_whose_calls_take_what_a_series_says_is_that_series():
    frame = pl.concat([spans("10.0.0.7:80", wild(1)), spans("auth", wild(2))])

    before, during = unified(
        [frame[: frame.height // 2], frame[frame.height // 2 :]],
        series(features=wild(1), auth=wild(2)), STEP,
    )  # fmt: skip

    assert called(before) | called(during) == {"features", "auth"}


def test_a_series_that_is_averaged_over_some_steps_is_recognised():
    times = wild(1)
    smooth = [sum(times[max(0, at - 3) : at + 1]) / len(times[max(0, at - 3) : at + 1])
              for at in range(STEPS)]  # fmt: skip

    [one] = unified([spans("10.0.0.7:80", times)], series(features=smooth), STEP)

    assert called(one) == {"features"}


def test_two_replicas_under_one_load_are_alike_and_not_the_same(monkeypatch):
    load = wild(9)
    apart = [own - 0.1 for own in wild(2)]
    right = [both + 0.6 * own for both, own in zip(load, apart, strict=True)]

    [one] = unified([spans("heron", load)], series(stilt=right), STEP)
    monkeypatch.setattr(entities, "ALIKE", 0.5)
    [careless] = unified([spans("heron", load)], series(stilt=right), STEP)

    assert called(one) == {"heron"}
    assert called(careless) == {"stilt"}


def test_of_two_series_that_run_alike_neither_is_taken():
    [one] = unified([spans("10.0.0.7:80", wild(1))], series(heron=wild(1), stilt=wild(1)), STEP)

    assert called(one) == {"10.0.0.7:80"}


def test_constant_series_and_ramps_tell_nothing():
    for times in ([0.1] * STEPS, [0.1 + 0.015625 * step for step in range(STEPS)]):
        [one] = unified([spans("10.0.0.7:80", times)], series(features=times), STEP)
        assert called(one) == {"10.0.0.7:80"}


def test_the_same_course_on_another_scale_is_another_thing():
    times = wild(1)

    [one] = unified([spans("10.0.0.7:80", times)], series(features=[2 * t for t in times]), STEP)

    assert called(one) == {"10.0.0.7:80"}


def test_frames_without_what_is_needed_are_left_as_they_are():
    frame = pl.DataFrame({"trace_id": ["a"], "attributes": ['{"peer.service":"x"}']})

    same, empty = unified([frame, pl.DataFrame()], series(features=wild(1)), STEP)

    assert same is frame
    assert not empty.height
