from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path

import httpx
import pytest

from alerts.config import RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as render_prometheus
from alerts.render import generated as rules_for
from dashboards.config import DashboardsSection
from dashboards.empties import RIGHTLY_EMPTY
from dashboards.queries import PanelQuery, other_queries, panel_queries, substitute
from dashboards.render import documents
from demo.servers import Prometheus, RunFolder
from tests.conftest import Golden
from tests.dashboards import acts
from tests.public_data import unpack
from tests.replayed import served
from tests.servers import StartPrometheus

pytestmark = [pytest.mark.servers, pytest.mark.slow]

RULES = RulesSection(time_scale=60, scrape_interval_seconds=1)
DOCUMENTS = documents(DashboardsSection(), RULES)
PATIENCE_SECONDS = 150
"""Some series need an hour of the rules, which here is a minute."""
WELL, SICK = {"service": "chat"}, {"service": "sick"}
PARTS = (
    ("gateway", acts.well, WELL),
    ("replica", acts.replica, {**WELL, "replica": "a"}),
    ("replica", acts.replica, {**WELL, "replica": "b"}),
    ("gpu", acts.health, WELL),
    ("probe", acts.kernels, WELL),
    ("client", acts.caller, {"service": "shop"}),
    ("watch", acts.watch, {}),
    ("forecast", acts.forecasts, {}),
    ("gateway", acts.sick_gateway, SICK),
    ("replica", acts.sick_replica, {**SICK, "replica": "a"}),
    ("replica", acts.renamed, {**SICK, "replica": "renamed"}),
    ("gpu", acts.sick_gpu, SICK),
    ("node", acts.machine, {}),
    ("node", acts.queue_in_front, {}),
)
"""A service that is well and one that is not, in one Prometheus, which scrapes itself as well."""

OF_THE_STACK = ("busysignal-incidents", "busysignal-stack")
"""Boards that tell of alerts and targets: as in all panels of alerts, what they show here is a
matter of seconds."""
CLIENT = httpx.Client(trust_env=False, timeout=30)
Panel = tuple[str, str]


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    CLIENT.close()


@pytest.fixture
def watched(start_prometheus: StartPrometheus, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus with our rules that watches both services."""
    rules_for(RULES, tmp_path).write()
    port = RunFolder(tmp_path / "ports").free_port()
    with ExitStack() as stack:
        targets = [
            *(Target(job, stack.enter_context(acts.exporter(fill)), to) for job, fill, to in PARTS),
            Target("prometheus", f"127.0.0.1:{port}"),
            Target("replica", "127.0.0.1:1", {**SICK, "replica": "gone"}),
        ]
        config = tmp_path / "prometheus.yml"
        config.write_text(render_prometheus(RULES, targets=targets))
        server = start_prometheus(config, port=port)
        yield server


def test_each_panel_has_data_in_the_state_it_is_meant_for(watched: Prometheus):
    every = {(query.board, query.panel) for query in every_query()}
    excused = {(panel.board, panel.panel) for panel in RIGHTLY_EMPTY}
    well: set[Panel] = set()
    sick: set[Panel] = set()

    def missing() -> tuple[list[Panel], list[Panel]]:
        """What is empty in both, and what is empty in health without an excuse."""
        return sorted(every - well - sick), sorted(every - well - excused)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while missing() != ([], []) and time.monotonic() < deadline:
        time.sleep(2)
        well |= filled(watched, "chat", but=well)
        sick |= filled(watched, "sick", but=well | sick)

    assert missing() == ([], [])

    for document in DOCUMENTS.values():
        told = {
            name
            for name, expr in other_queries(document)
            if answer(watched, substitute(expr, {}, rate_interval="4s", span="10s"))
        }
        assert told >= {"Restarts", "Firing alerts", "Verdicts"}


def filled(server: Prometheus, service: str, but: Collection[Panel] = ()) -> set[Panel]:
    """Panels with at least one number in them; of those in `but` it is known."""
    return {
        (query.board, query.panel)
        for query in every_query()
        if (query.board, query.panel) not in but
        and answer(server, query.promql({"service": service}, rate_interval="4s", span="10s"))
    }


def test_a_silent_service_has_no_traffic_and_an_absent_one_no_data(
    start_prometheus: StartPrometheus, tmp_path: Path
):
    (tile,) = [
        query
        for query in every_query()
        if (query.board, query.panel) == ("busysignal-service", "Duration P99")
    ]
    rules_for(RULES, tmp_path).write()
    config = tmp_path / "prometheus.yml"
    with acts.exporter(acts.silent) as address:
        config.write_text(
            render_prometheus(RULES, targets=[Target("gateway", address, {"service": "chat"})])
        )
        server = start_prometheus(config)
        values = until(lambda: now(server, tile.promql({"service": "chat"})))

        assert values == ["NaN"]
        assert now(server, tile.promql({"service": "other"})) == []


def test_these_panels_have_data_on_recorded_vllm_metrics(
    start_prometheus: StartPrometheus, tmp_path: Path, golden: Golden
):
    recordings = unpack("engine_metrics", tmp_path)
    idle, busy = (
        (recordings / f"vllm-0.32.0-{state}.prom").read_bytes() for state in ("idle", "busy")
    )
    pages = chain(repeat(idle, 4), repeat(busy))
    rules_for(RULES, tmp_path).write()
    config = tmp_path / "prometheus.yml"
    with served(lambda: next(pages)) as address:
        target = Target("replica", address, {"service": "chat", "replica": "vllm"})
        config.write_text(render_prometheus(RULES, targets=[target]))
        server = start_prometheus(config)
        tokens = 'llm:generated_tokens:rate{service="chat"} > 0'
        assert until(lambda: now(server, tokens))
        found: set[tuple[str, str]] = set()
        for _ in range(5):  # some have data as the load begins, some once it lasted
            found |= filled(server, "chat")

    told = [
        f"{board}: {title}\n"
        for board, title in sorted(found)
        if board not in OF_THE_STACK and not title.startswith("Alerts")
    ]
    golden.check("panels_of_vllm.txt", "".join(told))


def until(ask: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + 30
    while not (values := ask()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return values


def now(server: Prometheus, expr: str) -> list[str]:
    reply = CLIENT.get(f"{server.url}/api/v1/query", params={"query": expr})
    return [one["value"][1] for one in reply.json()["data"]["result"]]


def answer(server: Prometheus, expr: str) -> list:
    now = time.time()
    reply = CLIENT.get(
        f"{server.url}/api/v1/query_range",
        params={"query": expr, "start": now - 8, "end": now, "step": 1},
    )
    assert reply.status_code == 200, reply.text
    return [
        one
        for one in reply.json()["data"]["result"]
        if any(not math.isnan(float(value)) for _, value in one["values"])
    ]


def every_query() -> list[PanelQuery]:
    return [query for document in DOCUMENTS.values() for query in panel_queries(document)]
