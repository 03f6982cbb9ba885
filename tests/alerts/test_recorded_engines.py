from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from alerts import rules
from alerts.config import RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as render_prometheus
from alerts.render import generated as rules_for
from exporters.catalog import neutral
from exporters.catalog.engines import ENGINES, REPLICA
from exporters.catalog.levels import RECORDED as RECORDED_LEVELS
from exporters.catalog.signal import Recorded
from tests.conftest import Golden
from tests.public_data import unpack
from tests.replayed import served
from tests.servers import StartPrometheus

pytestmark = [pytest.mark.servers, pytest.mark.slow]

RULES = RulesSection(time_scale=60, scrape_interval_seconds=1)
RECORDED = {
    "vllm": "vllm-0.32.0",
    "sglang": "sglang-0.5.23",
    "llamacpp": "llamacpp-b11434",
    "ray_serve": "ray-2.60.0",
    "litellm": "litellm-1.106.2",
}
IDLE_SCRAPES = 4
PATIENCE_SECONDS = 40

Values = dict[str, float]


def pages(recordings: Path, name: str) -> Callable[[], bytes]:
    """An engine's idle page a few times, then its busy one."""
    idle = (recordings / f"{name}-idle.prom").read_bytes()
    busy = (recordings / f"{name}-busy.prom").read_bytes()
    first = iter([idle] * IDLE_SCRAPES)
    return lambda: next(first, busy)


class Neutral:
    """Neutral signals by replica, asked of a Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False)

    def values(self, signal: Recorded, label: str = "replica") -> Values:
        answer = self._client.get("/api/v1/query", params={"query": str(signal.value)}).json()
        return {
            series["metric"][label]: float(series["value"][1])
            for series in answer["data"]["result"]
        }

    def names(self, matcher: str) -> set[str]:
        """Names of the series that there are."""
        found = self._client.get(
            "/api/v1/label/__name__/values", params={"match[]": matcher}
        ).json()
        return set(found["data"])

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def prometheus(start_prometheus: StartPrometheus, tmp_path: Path) -> Iterator[Neutral]:
    """A Prometheus with our rules beside five real engines, each gone from idle to busy."""
    recordings = unpack("engine_metrics", tmp_path)
    rules_for(RULES, tmp_path).write()
    with ExitStack() as stack:
        targets = [
            Target(
                REPLICA,
                stack.enter_context(served(pages(recordings, name))),
                {"service": engine, "replica": engine},
            )
            for engine, name in RECORDED.items()
        ]
        config = tmp_path / "prometheus.yml"
        config.write_text(render_prometheus(RULES, targets=targets))
        neutral_signals = Neutral(start_prometheus(config).url)
        stack.callback(neutral_signals.close)
        _await_busy(neutral_signals)
        yield neutral_signals


def _await_busy(signals: Neutral) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if len(signals.values(neutral.GENERATED_TOKEN_RATE)) == len(RECORDED) - 1:
            rates = signals.values(neutral.GENERATED_TOKEN_RATE)
            if rates["vllm"] > 0:
                return
        time.sleep(0.5)
    pytest.fail(f"no tokens were counted within {PATIENCE_SECONDS} s")


def test_the_rules_read_recorded_engines_by_one_set_of_names(prometheus):
    waiting = prometheus.values(neutral.QUEUE_DEPTH)
    cache = prometheus.values(neutral.KV_CACHE_USAGE)
    tokens = prometheus.values(neutral.GENERATED_TOKEN_RATE)

    assert waiting == {"vllm": 36, "sglang": 32, "llamacpp": 35, "ray_serve": 10}
    assert cache == {"vllm": pytest.approx(0.914, abs=0.001), "sglang": 0.67}
    assert {replica for replica, rate in tokens.items() if rate > 0} >= {"vllm", "llamacpp"}
    assert prometheus.values(neutral.REPLICA_INTER_TOKEN_MEAN).keys() >= {"vllm", "llamacpp"}
    assert prometheus.values(neutral.PREEMPTION_RATE)["vllm"] > 0
    assert prometheus.values(neutral.ENGINE, "engine").keys() == RECORDED.keys()
    assert prometheus.values(neutral.ENGINE_SIGNAL_MISSING) == {}
    assert {engine.name for engine in ENGINES if engine.recorded} == {*RECORDED, "busysignal"}


def test_these_alerts_have_data_on_recorded_vllm_metrics(prometheus: Neutral, golden: Golden):
    there = prometheus.names('{service="vllm"}')
    # Where no level was set an alert falls back to its own.
    recorded = {signal.name for signal in neutral.SIGNALS} - {one.name for one in RECORDED_LEVELS}
    lines = []
    for alert in rules.alerts_in(rules.groups(RULES)):
        read = set(re.findall(r"[a-zA-Z_][\w]*:[\w:]+", alert.expr)) & recorded
        if lacking := sorted(read - there):
            lines.append(f"without  {alert.name}: {', '.join(lacking)}\n")
        elif read:
            lines.append(f"with     {alert.name}\n")

    golden.check("alerts_of_vllm.txt", "".join(sorted(lines)))
