from __future__ import annotations

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
