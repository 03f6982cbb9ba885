from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx
import pytest

from alerts.config import RulesSection
from alerts.prometheus_config import Target
from alerts.prometheus_config import render as render_prometheus
from alerts.render import render as render_rules
from dashboards.config import DashboardsSection
from dashboards.queries import RIGHTLY_EMPTY, PanelQuery, other_queries, panel_queries, substitute
from dashboards.render import documents
from demo.servers import Prometheus
from exporters.catalog import (
    canary,
    clients,
    engine,
    foreign,
    gpu,
    gpu_health,
    gpu_links,
    gpu_mig,
    gpu_processes,
    gpu_profiling,
    host,
    probe,
    requests,
)
from exporters.catalog.gpu import THROTTLE_REASONS
from exporters.exposition import Registry
from tests.replayed import served
from tests.servers import StartPrometheus

pytestmark = [pytest.mark.servers, pytest.mark.slow]

RULES = RulesSection(time_scale=60, scrape_interval_seconds=1)
DOCUMENTS = documents(DashboardsSection(), RULES)
WARM_UP_SECONDS = 14


def gateway(registry: Registry, chance: random.Random) -> None:
    registry.counter(requests.REQUESTS_STARTED).inc(5, "m")
    registry.counter(requests.REQUESTS).inc(5, "m", "ok", "200")
    registry.counter(requests.REQUESTS_RESENT).inc(0, "m")
    registry.counter(requests.FALLBACKS).inc(0, "m")
    registry.gauge(requests.QUEUE_DEPTH).set(1, "m", "normal")
    registry.gauge(foreign.PROCESS_START).set(1.7e9)
    for _ in range(5):
        took = chance.uniform(0.05, 0.3)
        registry.histogram(requests.REQUEST_DURATION).observe(took, "m", "normal")
        registry.histogram(requests.TIME_TO_FIRST_TOKEN).observe(took / 3, "m", "normal")
        registry.histogram(requests.QUEUE_WAIT).observe(took / 9, "m", "normal")
        registry.histogram(requests.INTER_TOKEN_LATENCY).observe(took / 20, "m")
        registry.histogram(requests.PROMPT_LENGTH).observe(chance.choice((100, 3000)), "m")
        registry.histogram(requests.UPSTREAM_DURATION).observe(0.02, "features", "ok")
    for replica in ("a", "b"):
        registry.counter(requests.ATTEMPTS).inc(2, replica, "ok")
        registry.histogram(requests.ATTEMPT_DURATION).observe(0.1, replica)


def replica(registry: Registry, chance: random.Random) -> None:
    registry.gauge(requests.QUEUE_DEPTH).set(chance.randint(0, 3), "m", "normal")
    registry.histogram(requests.QUEUE_WAIT).observe(0.01, "m", "normal")
    registry.counter(requests.PROMPT_TOKENS).inc(900, "m")
    registry.counter(requests.GENERATED_TOKENS).inc(80, "m")
    registry.gauge(engine.RUNNING).set(2, "m")
    registry.gauge(engine.KV_CACHE_USAGE).set(chance.uniform(0.2, 0.4), "m")
    registry.counter(engine.PREEMPTIONS).inc(0, "m")
    registry.gauge(host.PROCESS_RESIDENT).set(4e8)
    for phase, seconds in (("queue", 0.01), ("prefill", 0.03), ("decode", 0.09)):
        registry.histogram(engine.PHASE_DURATION).observe(seconds, "m", phase)
        registry.histogram(engine.STEP_DURATION).observe(seconds / 10, "m", phase)


def device(registry: Registry, chance: random.Random) -> None:
    registry.gauge(gpu.GPU_UP).set(1, "0")
    registry.gauge(gpu.GPU_EXPECTED).set(1)
    registry.gauge(gpu.GPU_DEVICES_EXPECTED).set(1)
    registry.gauge(gpu.GPU_UTILIZATION).set(chance.uniform(0.5, 0.7), "0")
    registry.gauge(gpu.GPU_MEMORY_USED).set(6e9, "0")
    registry.gauge(gpu.GPU_MEMORY_TOTAL).set(8e9, "0")
    registry.gauge(gpu.GPU_POWER).set(chance.uniform(200, 250), "0")
    registry.gauge(gpu.GPU_POWER_LIMIT).set(300, "0")
    registry.counter(gpu.GPU_ENERGY).inc(220, "0")
    registry.gauge(gpu.GPU_TEMPERATURE).set(61, "0")
    registry.gauge(gpu.GPU_TEMPERATURE_MARGIN).set(26, "0")
    registry.gauge(gpu.GPU_MEMORY_TEMPERATURE).set(70, "0")
    registry.gauge(gpu.GPU_TEMPERATURE_LIMIT).set(95, "0", "memory_max")
    registry.gauge(gpu.GPU_CLOCK).set(1.4e9, "0", "sm")
    registry.gauge(gpu.GPU_CLOCK_MAX).set(1.98e9, "0", "sm")
    for reason in THROTTLE_REASONS:
        registry.gauge(gpu.GPU_THROTTLE_ACTIVE).set(0, "0", reason)
        registry.counter(gpu.GPU_THROTTLE_SECONDS).inc(chance.uniform(0, 0.1), "0", reason)


def chip(registry: Registry, chance: random.Random) -> None:
    device(registry, chance)
    registry.gauge(gpu_profiling.SM_ACTIVE).set(chance.uniform(0.3, 0.5), "0")
    registry.gauge(gpu_profiling.SM_OCCUPANCY).set(chance.uniform(0.2, 0.3), "0")
    registry.gauge(gpu_profiling.DRAM_ACTIVE).set(chance.uniform(0.5, 0.8), "0")
    for pipe in ("tensor", "fp32"):
        registry.gauge(gpu_profiling.PIPE_ACTIVE).set(chance.uniform(0.1, 0.3), "0", pipe)
    for number, share in (("1", 0.4), ("2", 0.6)):
        registry.gauge(gpu_mig.MIG_MEMORY_USED).set(share * 4e9, "0", number)
        registry.gauge(gpu_mig.MIG_MEMORY_TOTAL).set(4e9, "0", number)
        registry.gauge(gpu_mig.MIG_SM_ACTIVE).set(share, "0", number)
        registry.gauge(gpu_mig.MIG_DRAM_ACTIVE).set(share, "0", number)
    registry.gauge(gpu_processes.GPU_PROCESSES).set(2, "0", "compute")
    registry.gauge(gpu_processes.CONTAINER_MEMORY).set(5e9, "0", "engine")
    registry.gauge(gpu_processes.CONTAINER_SM).set(chance.uniform(0.4, 0.6), "0", "engine")


def health(registry: Registry, chance: random.Random) -> None:
    chip(registry, chance)
    registry.counter(gpu.GPU_XID_ERRORS).inc(0, "0", "79")
    registry.counter(gpu_health.GPU_EVENTS).inc(0, "0", "fatal_poison")
    for kind in ("corrected", "uncorrected"):
        registry.counter(gpu_health.ECC_ERRORS).inc(0, "0", kind, "volatile")
    registry.gauge(gpu_health.REMAP_PENDING).set(0, "0")
    registry.gauge(gpu_health.REMAP_FAILURE).set(0, "0")
    registry.gauge(gpu_health.ROW_BANKS).set(0, "0", "low")
    registry.gauge(gpu_health.FABRIC_FAILED).set(0, "0")
    registry.counter(gpu_links.PCIE_REPLAYS).inc(0, "0")
    registry.gauge(gpu_links.PCIE_WIDTH).set(16, "0")
    registry.gauge(gpu_links.PCIE_WIDTH_MAX).set(16, "0")
    registry.counter(gpu_links.NVLINK_TOTAL_ERRORS).inc(0, "0", "replay")
    registry.gauge(gpu_links.NVLINK_UP).set(1, "0", "0")
    for direction in ("tx", "rx"):
        registry.counter(gpu_links.PCIE_BYTES).inc(chance.uniform(1e8, 3e8), "0", direction)
        registry.counter(gpu_links.NVLINK_BYTES).inc(chance.uniform(1e9, 3e9), "0", direction)
    registry.gauge(gpu.NVML_PASS_AGE).set(chance.uniform(0.1, 0.9), "0")
    registry.histogram(gpu.NVML_CALL).observe(2e-5, "0")
    registry.histogram(gpu.NVML_SCRAPE).observe(0.004)


def kernels(registry: Registry, chance: random.Random) -> None:
    for kernel in probe.KERNELS:
        registry.gauge(probe.PROBE_P50).set(0.001, "cpu", kernel)
        registry.gauge(probe.PROBE_P99).set(0.0012, "cpu", kernel)
        registry.gauge(probe.PROBE_FLOPS).set(1e11, "cpu", kernel)
        registry.gauge(probe.PROBE_BYTES).set(1e10, "cpu", kernel)
        registry.gauge(probe.PROBE_SLOWDOWN).set(chance.uniform(0.98, 1.02), "cpu", kernel)
        registry.gauge(probe.PROBE_CONTENTION).set(chance.uniform(1.2, 1.5), "cpu", kernel)
        registry.gauge(probe.PROBE_PEAK).set(chance.uniform(0.5, 0.8), "cpu", kernel)
        registry.gauge(probe.PROBE_SLOW).set(0, "cpu", kernel)
        registry.counter(probe.PROBE_WRONG).inc(0, "cpu", kernel)
        for state in ("idle", "contended"):
            registry.counter(probe.PROBE_SAMPLES).inc(1, "cpu", kernel, state)
    registry.gauge(probe.PROBE_DUTY).set(chance.uniform(0.0008, 0.001), "cpu")
    registry.gauge(probe.PROBE_CLOCK).set(chance.uniform(0.9, 1), "cpu")
    registry.gauge(probe.PROBE_MEMORY).set(2.5e8, "cpu")
    registry.counter(probe.PROBE_SKIPPED).inc(chance.randint(0, 1), "cpu", "device")
    for outcome, times in (("ok", 3), ("busy", 1), ("wrong_model", chance.randint(0, 1))):
        registry.counter(canary.CANARY_REQUESTS).inc(times, "gateway", "m", outcome)
    registry.counter(canary.CANARY_BUSY).inc(1, "gateway", "m", "queue_full")
    registry.gauge(canary.CANARY_UP).set(1, "gateway", "m")
    registry.gauge(canary.CANARY_LAST_TIME).set(time.time() - 0.2, "gateway", "m")
    registry.gauge(canary.CANARY_CERTIFICATE_EXPIRY).set(time.time() + 5e6, "gateway", "m")
    registry.histogram(canary.CANARY_TIME_TO_FIRST_TOKEN).observe(0.2, "gateway", "m")
    registry.histogram(canary.CANARY_INTER_TOKEN).observe(0.02, "gateway", "m")
    for number, phase in enumerate(canary.PHASES, start=1):
        registry.histogram(canary.CANARY_PHASE_DURATION).observe(
            chance.uniform(0.01, 0.02) * number, "gateway", "m", phase
        )


def caller(registry: Registry, chance: random.Random) -> None:
    registry.counter(clients.CLIENT_REQUESTS).inc(9, "chat", "ok")
    registry.counter(clients.CLIENT_REQUESTS).inc(1, "chat", "rejected")
    registry.counter(clients.CLIENT_ATTEMPTS).inc(9, "chat", "ok", "200")
    registry.counter(clients.CLIENT_ATTEMPTS).inc(2, "chat", "rejected", "503")
    registry.counter(clients.CLIENT_RETRIES).inc(chance.randint(1, 2), "chat", "status_503")
    registry.counter(clients.CLIENT_GIVE_UPS).inc(chance.randint(0, 1), "chat", "deadline")
    registry.gauge(clients.CLIENT_CIRCUIT_STATE).set(1, "chat", "closed")
    registry.histogram(clients.CLIENT_REQUEST_DURATION).observe(
        chance.uniform(0.2, 0.4), "chat", "ok"
    )


def exporter(
    fill: Callable[[Registry, random.Random], None],
) -> AbstractContextManager[str]:
    """Serve a registry that is filled a little further at each scrape; yield its address."""
    registry, chance = Registry(), random.Random(1)

    def page() -> bytes:
        fill(registry, chance)
        return registry.collect_text().encode()

    return served(page)


@pytest.fixture
def healthy(start_prometheus: StartPrometheus, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus with our rules that has watched a healthy service for a while."""
    render_rules(RULES, tmp_path)
    chat = {"service": "chat"}
    parts = (
        ("gateway", gateway, chat),
        ("replica", replica, {**chat, "replica": "a"}),
        ("replica", replica, {**chat, "replica": "b"}),
        ("gpu", health, chat),
        ("probe", kernels, chat),
        ("client", caller, {"service": "shop"}),
    )
    with ExitStack() as stack:
        targets = [
            Target(job, stack.enter_context(exporter(fill)), labels) for job, fill, labels in parts
        ]
        config = tmp_path / "prometheus.yml"
        config.write_text(render_prometheus(RULES, targets=targets))
        server = start_prometheus(config)
        time.sleep(WARM_UP_SECONDS)
        yield server


def idle(registry: Registry, chance: random.Random) -> None:
    registry.gauge(foreign.PROCESS_START).set(1.7e9)


def test_a_silent_service_has_no_traffic_and_an_absent_one_no_data(
    start_prometheus: StartPrometheus, tmp_path: Path
):
    (tile,) = [query for query in every_query() if query.panel == "Duration P99"]
    render_rules(RULES, tmp_path)
    config = tmp_path / "prometheus.yml"
    with exporter(idle) as address:
        config.write_text(
            render_prometheus(RULES, targets=[Target("gateway", address, {"service": "chat"})])
        )
        server = start_prometheus(config)
        values = until(lambda: now(server, tile.promql({"service": "chat"})))

        assert values == ["NaN"]
        assert now(server, tile.promql({"service": "other"})) == []


def until(ask: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + 30
    while not (values := ask()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return values


def now(server: Prometheus, expr: str) -> list[str]:
    reply = httpx.get(f"{server.url}/api/v1/query", params={"query": expr})
    return [one["value"][1] for one in reply.json()["data"]["result"]]


def answer(server: Prometheus, expr: str) -> list:
    now = time.time()
    reply = httpx.get(
        f"{server.url}/api/v1/query_range",
        params={"query": expr, "start": now - 5, "end": now, "step": 1},
    )
    assert reply.status_code == 200, reply.text
    return [
        one
        for one in reply.json()["data"]["result"]
        if any(not math.isnan(float(value)) for _, value in one["values"])
    ]


def test_each_panel_has_data_on_a_healthy_service_or_is_rightly_empty(healthy: Prometheus):
    filled: dict[tuple[str, str], bool] = {}
    for query in every_query():
        series = answer(healthy, query.promql({"service": "chat"}, rate_interval="4s", span="10s"))
        key = (query.board, query.panel)
        filled[key] = filled.get(key, False) or bool(series)

    empty = {key for key, has_data in filled.items() if not has_data}
    assert empty <= {(panel.board, panel.panel) for panel in RIGHTLY_EMPTY if panel.fault}

    for document in DOCUMENTS.values():
        for _, expr in other_queries(document):
            answer(healthy, substitute(expr, {}, rate_interval="4s", span="10s"))


def every_query() -> list[PanelQuery]:
    return [query for document in DOCUMENTS.values() for query in panel_queries(document)]
