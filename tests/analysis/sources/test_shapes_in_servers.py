"""What ten writers wrote, put into a real Elasticsearch and read back through it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from analysis.sources.values import Hit
from benchmarks.suites.shape_truth import Truths
from tests.es_shapes import lines, unpack

pytestmark = pytest.mark.servers

SHAPES = {
    "otelcol_otel": 61, "otelcol_ecs": 61, "otelcol_none": 55, "otelcol_raw": 55,
    "jaeger_nested": 0, "jaeger_tagsall": 0, "apm_otlp_sent": 61, "apm_agent_sent": 0,
}  # fmt: skip
"""Logs of the truth that the server takes: it refuses a `Body` that is text here, a map there."""

DATES = {"date_detection": True, "dynamic_templates": [
    {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}
]}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("shapes"))


def mapping(folder: Path, shape: str) -> dict[str, Any]:
    """The writer's own, where it brings one."""
    if shape.startswith("jaeger"):
        return dict(json.loads((folder / f"{shape}.jaeger-span.mapping.json").read_text()))
    if shape == "otelcol_otel":
        both = [
            json.loads((folder / f"otelcol_otel.{kind}.mapping.json").read_text())["mappings"]
            for kind in ("logs", "traces")
        ]
        both[0]["properties"] = both[0]["properties"] | both[1]["properties"]
        return {"mappings": both[0]}
    return {"mappings": DATES}


def load(url: str, documents: list[dict[str, Any]], settings: dict[str, Any]) -> str:
    """Put them where no name tells their shape; their numbers are their ids."""
    index = f"odd-{uuid.uuid4().hex}"
    httpx.put(f"{url}/{index}", json=settings, timeout=60).raise_for_status()
    body = "".join(
        f'{{"index":{{"_id":"{number}"}}}}\n{json.dumps(each)}\n'
        for number, each in enumerate(documents)
    )
    httpx.post(
        f"{url}/{index}/_bulk?refresh=true", content=body, timeout=60,
        headers={"content-type": "application/x-ndjson"},
    ).raise_for_status()  # fmt: skip
    return index


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_reads_back_to_the_truth_whatever_its_index_is_called(
    each_elasticsearch, read_from, folder, shape
):
    documents = [
        line["_source"]
        for line in lines(folder / f"{shape}.ndjson")
        if not line["_index"].startswith("jaeger-service")
    ]
    index = load(each_elasticsearch.url, documents, mapping(folder, shape))
    hits = [Hit(index, str(number), each) for number, each in enumerate(documents)]
    sent = Truths(lines(folder / "truth_spans.ndjson"), lines(folder / "truth_logs.ndjson"))
    source = read_from(each_elasticsearch.url, traces_index=index, logs_index=index)

    spans = list(sent.judge_spans(source.spans(0, 2**62), hits))
    logs = list(sent.judge_logs(source.logs(0, 2**62), hits))

    assert (178, SHAPES[shape]) == (len(spans), len(logs))
    assert [] == [name for each in (*spans, *logs) for name in each if each[name] == "wrong"]
    assert [] == [gap for gap in source.gaps if "keeps no" not in gap.gap]


def test_a_shape_of_ones_own_is_read_by_its_file(elasticsearch, read_from, tmp_path):
    own = tmp_path / "ours.toml"
    own.write_text(
        'name = "ours"\ntime = "when"\nmarks = [["tid", "sid"]]\nspan = [["tid", "sid"]]\n'
        '[spans]\nts = [{ field = "when", unit = "date" }]\ntrace_id = ["tid"]\n'
        'span_id = ["sid"]\nduration = [{ field = "took", unit = "ms" }]\n'
    )
    document = {"when": "2026-11-23T10:00:00.5Z", "tid": "a", "sid": "b", "took": 1.5}
    index = load(elasticsearch.url, [document], {"mappings": DATES})
    source = read_from(elasticsearch.url, traces_index=index, shapes=(own,))

    frame = source.spans(0, 2**62)

    assert [(1_795_428_000_500_000_000, 1_500_000)] == frame.select("ts_ns", "duration_ns").rows()
