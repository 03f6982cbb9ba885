from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psutil
import pytest

from analysis.doctor import Finding, Places, examine
from analysis.sources.section import ElasticsearchSection
from dashboards.empties import RIGHTLY_EMPTY
from demo import own_rules
from demo.companions.tour import empty_panels
from demo.faults import FAULTS
from demo.outcome import Outcome, Verdict
from demo.run import run
from demo.servers import RunFolder
from demo.stack import Stack

pytestmark = [pytest.mark.servers, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
FAULT = FAULTS["slow_replica"]
SEED = 20_261_123


@dataclass
class Seen:
    """One run from end to end, and what was looked at while the service was broken."""

    outcome: Outcome | None = None
    verdict: Verdict = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    empty: set[tuple[str, str]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    metrics: str = ""
    afterwards: str = ""
    folder: Path = Path()
    left: list[psutil.Process] = field(default_factory=list)

    def look(self, stack: Stack, verdict: Verdict) -> None:
        self.verdict = verdict
        self.empty = empty_panels(stack)
        self.metrics = httpx.get(f"{stack.watch_url}/metrics", trust_env=False).text
        assert stack.elasticsearch
        self.operations = _operations(stack.elasticsearch.url)
        places = Places(
            stack.prometheus.url,
            stack.alertmanager.url,
            ElasticsearchSection(url=stack.elasticsearch.url),
            stack.watch_url,
            own_rules.section(pager_url="http://pager.invalid", watch_url=stack.watch_url),
        )
        with httpx.Client(timeout=5.0, trust_env=False) as client:
            self.findings = list(examine(places, client))


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory,
    elasticsearch_home: Path,
    prometheus_binary: Path,
    alertmanager_binary: Path,
    node_exporter_binary: Path,
) -> Iterator[Seen]:
    seen = Seen(folder=tmp_path_factory.mktemp("run"))
    before = set(psutil.Process().children(recursive=True))
    with Stack(RunFolder(seen.folder), seen.said.append) as stack:
        seen.outcome = run(
            stack, FAULT, SEED, seen.said.append, lambda verdict: seen.look(stack, verdict)
        )
        seen.afterwards = httpx.get(f"{stack.watch_url}/metrics", trust_env=False).text
    seen.left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    return seen


def _operations(url: str) -> set[str]:
    query = {"size": 0, "aggs": {"names": {"terms": {"field": "name", "size": 50}}}}
    answer = httpx.post(f"{url}/traces-*/_search", json=query, timeout=10.0, trust_env=False)
    answer.raise_for_status()
    return {bucket["key"] for bucket in answer.json()["aggregations"]["names"]["buckets"]}


def test_the_declared_outcome_came(seen: Seen):
    assert seen.outcome is not None

    assert "" == seen.outcome.why
    assert seen.outcome.met
    assert 1 == seen.outcome.rank


def test_the_verdict_is_of_the_committed_schema(seen: Seen):
    schema = json.loads((ROOT / "analysis" / "schema" / "verdict-1.json").read_bytes())

    jsonschema.validate(dict(seen.verdict), schema)


def test_the_verdict_shows_its_evidence_and_what_to_do(seen: Seen):
    first: dict[str, Any] = seen.verdict["causes"][0]

    assert first["evidence"]
    assert all(
        item["before"] is not None or item["after"] is not None for item in first["evidence"]
    )
    assert first["remedy"]
    assert seen.verdict["ruled_out"]


def test_spans_of_every_phase_reached_elasticsearch(seen: Seen):
    assert {"queue", "prefill", "decode", "attempt", "upstream features"} <= seen.operations


def test_every_panel_has_data_or_is_rightly_empty(seen: Seen):
    excused = {(e.board, e.panel) for e in RIGHTLY_EMPTY if e.run != FAULT.name}

    assert set() == seen.empty - excused


def test_the_doctor_finds_every_server_and_signal_in_place(seen: Seen):
    missing = {finding.subject: finding.seen for finding in seen.findings if not finding.ok}

    assert {} == missing


def test_the_verdict_is_a_metric_while_the_incident_lasts(seen: Seen):
    entity = seen.verdict["causes"][0]["entity"]

    assert f'cause="slow_replica",entity="{entity}"' in seen.metrics


def test_no_incident_stays_open_for_the_next_run(seen: Seen):
    assert "busysignal_verdict_info{" not in seen.afterwards


def test_nothing_that_was_started_is_left_running(seen: Seen):
    assert [] == seen.left


def test_the_run_folder_keeps_the_logs_and_the_verdict(seen: Seen):
    assert (seen.folder / f"{FAULT.name}-{SEED}" / "logs" / "gateway.log").exists()
    assert list(seen.folder.glob("verdicts/**/verdict.json"))
