from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.sources.values import Hit
from benchmarks import suites
from benchmarks.suites.result import Result
from benchmarks.suites.shape_truth import Truths
from benchmarks.suites.shapes import case
from tests.public_data import unpack

SPANS = {"jaeger_nested", "jaeger_tagsall", "otelcol_ecs", "otelcol_none", "otelcol_otel",
         "otelcol_raw", "apm_otlp_sent", "apm_agent_sent"}  # fmt: skip
EXACT = {"otelcol_none", "otelcol_otel", "otelcol_raw"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("es_shapes", tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return suites.run("shapes", folder)


def test_nothing_that_a_writer_kept_is_read_wrong(result: Result):
    assert {case["id"]: case["wrong"] for case in result.cases if case["wrong"]} == {}
    assert (1.0, 1.0, 1.0) == tuple(
        result.summary[name] for name in ("spans_exact", "logs_exact", "fields_exact")
    )


def test_every_span_and_log_of_every_whole_recording_is_read(result: Result):
    read = {case["id"]: case for case in result.cases}

    assert dict.fromkeys(SPANS, 178) == {name: read[name]["spans"] for name in SPANS}
    assert {61} == {read[name]["logs"] for name in SPANS if name.startswith("otelcol")}
    assert 44 == read["filebeat"]["logs"] + read["filebeat"]["logs_of_others"]


def test_the_shapes_that_keep_all_lose_nothing(result: Result):
    assert {name: [] for name in EXACT} == {
        case["id"]: case["lost"] for case in result.cases if case["id"] in EXACT
    }


def test_what_a_writer_drops_or_rounds_is_told_as_lost(result: Result):
    lost = {case["id"]: set(case["lost"]) for case in result.cases}

    assert {"spans.duration_ns", "spans.status_message", "logs.body", "logs.logger"} <= lost[
        "otelcol_ecs"
    ]
    assert {"spans.ts_ns", "spans.duration_ns", "spans.attributes"} == lost["jaeger_nested"]
    assert {"spans.kind", "spans.status", "spans.ts_ns"} <= lost["apm_otlp_sent"]


@pytest.fixture
def one(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A span that was sent, and its document in the otel shape."""
    truth = json.loads((folder / "truth_spans.ndjson").read_text().splitlines()[0])
    documents = (folder / "otelcol_otel.ndjson").read_text().splitlines()
    found = (json.loads(line)["_source"] for line in documents)
    return truth, next(
        each for each in found if each.get("span_id") == truth["span_id"] and "kind" in each
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"duration": 1}, "spans.duration_ns"),
        ({"kind": "Client", "old_kind": "Server"}, "spans.kind"),
        ({"@timestamp": "1795428000000.0"}, "spans.ts_ns"),
    ],
)
def test_a_misread_field_is_wrong_and_a_dropped_one_lost(one, change, field):
    truth, document = one
    sent = Truths([truth], [])
    kept = {"as_it_was": [truth["duration_ns"], truth["start_ns"]]}

    found = case([Hit("i", "0", document | change | kept)], sent)
    dropped = case([Hit("i", "0", document | {next(iter(change)): None})], sent)

    assert [field] == found["wrong"]
    assert (0, 1) == (found["spans_right"], found["spans"])
    assert [] == dropped["wrong"]


def test_a_folder_without_the_truth_is_no_layout(tmp_path: Path):
    with pytest.raises(suites.NoLayoutError, match="no truth_spans.ndjson or truth_logs.ndjson"):
        suites.run("shapes", tmp_path)
