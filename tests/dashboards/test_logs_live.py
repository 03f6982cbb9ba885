from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from alerts.config import RulesSection
from dashboards import log_queries
from dashboards.config import DashboardsSection
from dashboards.log_fields import FIELDS, Shape
from dashboards.render import documents
from demo.servers import Elasticsearch
from exporters.telemetry import TelemetrySection, setup

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SHAPES: tuple[Shape, ...] = get_args(Shape)
LINES = 12
CLIENT = httpx.Client(trust_env=False, timeout=30)


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    CLIENT.close()


@dataclass(frozen=True)
class Board:
    """The board of logs for one shape, and the index with lines of that shape."""

    document: dict[str, Any]
    index: str
    service: str

    def asked(self, target: dict[str, Any], **chosen: str) -> dict[str, Any]:
        now = time.time()
        body = log_queries.search(target, now - 60, now + 1, chosen, step=5)
        reply = CLIENT.post(f"{self.index}/_search", json=body)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def found(self, title: str, **chosen: str) -> dict[str, float]:
        """How many lines a panel counts, by the values of its field."""
        target = dict(log_queries.log_targets(self.document))[title]
        counts = log_queries.counts(target, self.asked(target, **chosen))
        return {name: sum(value for _, value in points) for name, points in counts}


@pytest.fixture(params=SHAPES)
def board(request: pytest.FixtureRequest, elasticsearch: Elasticsearch, tmp_path: Path) -> Board:
    """Where the lines of a process lie that had something to say of every kind."""
    shape: Shape = request.param
    section = TelemetrySection(
        url=elasticsearch.url, dataset=f"test_{uuid.uuid4().hex}.otel", spool_dir=tmp_path,
        flush_seconds=0.02, shape=shape,
    )  # fmt: skip
    with setup(section, service_name="gateway", instance="gateway-1", version="1"):
        log = logging.getLogger("app.gateway")
        for number in range(LINES):
            log.info("request %s is over", f"r-{number}")
        log.warning("replica %s is busy (attempt %d)", "a", 1)
        try:
            int("x")
        except ValueError:
            log.exception("the prompt is no number")
    CLIENT.post(f"{elasticsearch.url}/{section.logs_index}/_refresh").raise_for_status()
    made = documents(DashboardsSection(logs_shape=shape), RulesSection())
    return Board(
        made["busysignal-logs"],
        f"{elasticsearch.url}/{section.logs_index}",
        FIELDS[shape].service,
    )


def test_every_panel_of_logs_has_data(board: Board):
    for title, target in log_queries.log_targets(board.document):
        reply = board.asked(target)
        has_data = (
            log_queries.counts(target, reply) if target["bucketAggs"] else reply["hits"]["hits"]
        )
        assert has_data, title


def test_lines_are_counted_by_what_their_statement_says(board: Board):
    assert board.found("Templates") == {
        "request %s is over": LINES,
        "replica %s is busy (attempt %d)": 1,
        "the prompt is no number": 1,
    }
    assert board.found("Warnings and errors by template").keys() == {
        "replica %s is busy (attempt %d)", "the prompt is no number",
    }  # fmt: skip
    assert board.found("Lines by severity") == {"INFO": LINES, "WARNING": 1, "ERROR": 1}
    assert board.found("Exceptions by type") == {"ValueError": 1}


def test_the_chosen_part_narrows_every_panel(board: Board):
    assert board.found("Lines by part", part='"gateway"') == {"gateway": LINES + 2}
    assert board.found("Lines by part", part='"replica"') == {}


def test_the_choice_of_parts_is_what_there_is(board: Board):
    (variable,) = [v for v in board.document["templating"]["list"] if v["name"] == "part"]
    asked_for = json.loads(variable["query"])
    terms = {"size": 0, "aggs": {"1": {asked_for["find"]: {"field": asked_for["field"]}}}}
    reply = CLIENT.post(f"{board.index}/_search", json=terms).json()

    assert asked_for["field"] == board.service
    assert [bucket["key"] for bucket in reply["aggregations"]["1"]["buckets"]] == ["gateway"]
