from __future__ import annotations

import polars as pl

from analysis.graph import build
from tests.analysis.scenes import requests

PLACEMENT = {"replica/heron": "gpu/0", "replica/stilt": "gpu/1"}
ENTITIES = ("clients", "gateway", "replica/heron", "replica/stilt", "upstream/features", "node")


def test_the_gateway_depends_on_upstreams_and_replicas_and_those_on_their_gpus():
    graph = build(ENTITIES, PLACEMENT)

    assert graph.below("clients") == ("gateway",)
    assert graph.below("gateway") == ("replica/heron", "replica/stilt", "upstream/features")
    assert graph.below("replica/heron") == ("gpu/0", "node")


def test_the_path_leads_from_the_cause_to_the_symptom():
    graph = build(ENTITIES, PLACEMENT)

    assert graph.path("gpu/1") == ("gpu/1", "replica/stilt", "gateway")
    assert graph.path("clients") == ("clients", "gateway")
    assert graph.path("gateway") == ("gateway",)


def test_sisters_are_the_other_replicas():
    assert build(ENTITIES, PLACEMENT).peers("replica/heron") == ("replica/stilt",)


def test_an_upstream_that_only_spans_know_is_in_the_graph():
    graph = build(("gateway",), {}, requests(("heron",), {}, 2))

    assert graph.of_kind("upstream") == ("upstream/features",)


def test_the_order_of_entities_does_not_matter():
    assert build(ENTITIES, PLACEMENT) == build(reversed(ENTITIES), PLACEMENT)


def test_an_entity_without_a_known_way_still_has_a_path():
    assert build(("gpu/7",), {}).path("gpu/7") == ("gpu/7", "gateway")


def test_an_upstream_that_only_an_upstream_calls_lies_behind_it():
    rows = [
        ("a", None, "gateway", "server"), ("b", "a", "gateway", "client"),
        ("c", "b", "features", "server"), ("d", "c", "features", "client"),
        ("e", "d", "store", "server"),
    ]  # fmt: skip
    spans = pl.DataFrame(
        [
            {"trace_id": "t", "span_id": own, "parent_id": parent, "service": service, "kind": kind,
             "ts_ns": at, "duration_ns": 9, "operation": "op", "status": "ok", "weight": 1.0,
             "pod": None}
            for at, (own, parent, service, kind) in enumerate(rows)
        ]
    )  # fmt: skip
    known = ("gateway", "upstream/features", "upstream/store")

    graph = build(known, {}, spans)

    assert ("upstream/store", "upstream/features", "gateway") == graph.path("upstream/store")
    assert ("upstream/features",) == graph.below("gateway")
    assert graph == build(known, {}, spans.reverse())
    direct = spans.with_columns(pl.when(pl.col("span_id") == "d").then(pl.lit("gateway"))
                                .otherwise("service").alias("service"))  # fmt: skip
    assert ("upstream/store", "gateway") == build(known, {}, direct).path("upstream/store")
