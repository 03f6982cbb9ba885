from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from pydantic import ValidationError

from analysis.diagnose import diagnose
from analysis.graph import build
from analysis.page import PAGE_LIMIT, render_page, render_text, title
from analysis.rootcause.measures import measure
from analysis.rootcause.ruled_out import ruled_out
from analysis.rootcause.testimony import Case
from analysis.sources.gap import Gap
from analysis.verdict import SCHEMA_PATH, Verdict, schema_text
from exporters.catalog.kinds import KINDS
from tests.analysis import scenes
from tests.analysis.scenes import Scene

SCENES = {
    "slow_replica": Scene(scenes.slow_replica(), phases={"heron": {"decode": 1.7}}),
    "traffic_burst": Scene(scenes.traffic_burst()),
    "kv_cache_exhaustion": Scene(scenes.kv_cache()),
    "retry_storm": Scene(scenes.retry_storm()),
    "upstream_slow": Scene(scenes.upstream_slow(), phases={"*": {"upstream": 0.4}}),
    "unknown": Scene(scenes.FELT),
    "none": Scene(alert=""),
}


def verdict_of(name: str) -> Verdict:
    if name == "telemetry_gap":
        gap = Gap("replica/stilt", "no metrics since 22:13:50 UTC")
        return diagnose(replace(Scene(alert="TargetDown").evidence(), silent=(gap,)))
    return diagnose(SCENES[name].evidence())


def test_the_committed_schema_is_fresh():
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("name", [*SCENES, "telemetry_gap"])
def test_every_verdict_fits_the_schema(name):
    document = json.loads(verdict_of(name).to_json())

    jsonschema.validate(document, json.loads(schema_text()))


def test_the_schema_closes_the_list_of_kinds():
    kinds = json.loads(schema_text())["$defs"]["Cause"]["properties"]["kind"]["enum"]

    assert kinds == list(KINDS)


def test_a_verdict_is_read_back_as_it_was_written():
    verdict = verdict_of("slow_replica")

    assert Verdict.from_json(verdict.to_json()).to_json() == verdict.to_json()


def test_a_kind_outside_the_list_is_refused():
    document = json.loads(verdict_of("slow_replica").to_json())
    document["causes"][0]["kind"] = "gremlins"

    with pytest.raises(ValidationError, match="kind 'gremlins' is unknown; allowed: traffic_burst"):
        Verdict.from_json(json.dumps(document))


def test_the_id_is_made_from_the_inputs():
    verdict = verdict_of("slow_replica")

    assert verdict.inputs_digest.startswith("sha256:" + verdict.id.removeprefix("v-"))


@pytest.mark.parametrize("name", [*SCENES, "telemetry_gap"])
def test_the_page_reads_as_a_person_wants_it(golden, name):
    golden.check(f"page_{name}.txt", render_page(verdict_of(name)))


@pytest.mark.parametrize("name", [*SCENES, "telemetry_gap"])
def test_the_head_of_a_page_fits_a_screen(name):
    head = render_page(verdict_of(name)).split("\n\n")[0]

    assert len(head) <= PAGE_LIMIT


def test_the_long_form_reads_as_a_person_wants_it(golden):
    golden.check("verdict_slow_replica.txt", render_text(verdict_of("slow_replica")))


def test_what_is_ruled_out_by_its_own_series_is_named_once():
    verdict = verdict_of("kv_cache_exhaustion")
    whys = {item.entity: item.why for item in verdict.ruled_out}

    assert whys["replica/heron"].startswith("not cold start: clients, mean prompt length 199 ")


def test_what_is_listed_as_possible_is_not_ruled_out():
    verdict = verdict_of("kv_cache_exhaustion")

    listed = {(cause.kind, cause.entity) for cause in verdict.causes}
    assert ("traffic_mix", "clients") in listed
    assert "clients" not in {item.entity for item in verdict.ruled_out}


def test_a_calm_gpu_is_cleared_by_its_clock():
    whys = {item.entity: item.why for item in verdict_of("none").ruled_out}

    assert whys["gpu/0"].startswith("steady: SM clock as a share of its highest 9")


def test_of_reasons_that_never_were_none_is_named():
    calm = Scene(alert="", drop=("gpu_clock", "kernel_slowdown")).evidence()
    whys = {item.entity: item.why for item in diagnose(calm).ruled_out}

    assert whys["gpu/0"] == "steady: clocks held down no → no"


@pytest.mark.parametrize(
    ("quantity", "part"), [("gpu_throttle", "hw_thermal_slowdown"), ("kernel_slowdown", "gemm")]
)
def test_a_gpu_of_which_one_thing_moved_is_not_cleared_by_its_calm_clock(quantity, part):
    evidence = Scene({("gpu/0", quantity, part): (scenes.TO, 2.0)}).evidence()
    measures = measure(evidence)
    case = Case("chat", measures, build(measures.entities, evidence.placement), ())
    cleared = {item.entity for item in ruled_out(case, [], [], set())}

    assert "gpu/1" in cleared
    assert "gpu/0" not in cleared


def test_the_title_names_cause_and_place():
    assert title(verdict_of("slow_replica")) == "service chat: slow replica at replica heron"
    assert title(verdict_of("none")) == "service chat: nothing is wrong"
    assert title(verdict_of("telemetry_gap")) == "service chat: no cause named"


def test_one_step_under_two_names_is_told_once():
    first, *_ = verdict_of("traffic_burst").causes

    assert "first-time arrivals" in first.explanation
    assert ", arrivals" not in first.explanation
