"""What Prometheus holds: every neutral signal, and the traps that leave one wrong or empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from alerts.config import RulesSection
from analysis.doctor.finding import Finding, get, judged
from exporters.catalog import neutral
from exporters.catalog.gpu import GPU_INFO
from exporters.catalog.signal import Recorded

RIGHTLY_ABSENT = {
    "busysignal:signal_missing": "nothing is missing",
    "busysignal:engine_signal_missing": "no engine lacks a name",
    "llm:replica_cpu_throttled:ratio": "no replica has a CPU quota",
    "busysignal:threshold_": "no level is set while things run",
    "llm:cache_": "no cache is measured",
    "llm:backlog_age_seconds": "no message queue is read",
    "llm:cold_start:ratio": "no replica has just started",
    "llm:device_memory_fragmentation:ratio": "no torch on a GPU tells of its memory",
    "llm:queue_depth_by_reason": "no engine tells why requests wait",
    "canary:": "no endpoint is probed",
    "client:": "no caller measures itself",
    "gpu:nvlink_links_down": "no GPU has links, or all are up",
    "gpu:nvml_errors:rate": "every call into the driver worked",
    "gpu:kernel_peak:ratio": "no device has a datasheet here",
    "gpu:probe_skipped:rate": "no round was left out",
}
"""Beginnings of signals whose absence says that all is well, or that such a part is not in use."""


@dataclass(frozen=True)
class Trap:
    """Series that should not be there: the query that finds them, and what they mean."""

    subject: str
    query: str
    well: str
    seen: str
    blinds: str
    remedy: str


SIMULATED = Trap(
    "simulated GPUs", f'{GPU_INFO.value.where(simulated="true")}', "none",
    "a simulated driver answers for {count} GPUs",
    "every real GPU there: what is told of them is made up",
    "unset gpu.nvml_library and LD_LIBRARY_PATH of the exporter, unless this is the demo",
)  # fmt: skip
TRAPS = (
    SIMULATED,
    Trap(
        "GPUs told twice", f"count by (uuid) ({GPU_INFO.value}) > 1", "none",
        "{count} GPUs are told by two exporters or under two jobs",
        "sums over GPUs: each of these counts twice",
        "scrape each exporter once, and run one for each machine",
    ),
    Trap(
        "vLLM's colons", 'count({__name__=~"vllm_(num_requests_running|request_success_total)"})',
        "kept", "vllm: came in as vllm_",
        "what vLLM tells of itself: rules read the names it really has",
        "take the metric_relabel_configs of the rendered prometheus.yml, job replica",
    ),
)  # fmt: skip


def look(url: str, client: httpx.Client, section: RulesSection) -> Iterator[Finding]:
    """One finding for each trap and each neutral signal."""
    for trap in TRAPS:
        if trap is SIMULATED and section.thresholds.gpu_simulated_accepted:
            continue
        yield _trap(trap, len(_ask(url, client, trap.query)))
    for signal in neutral.SIGNALS:
        yield _signal(signal, _ask(url, client, f"count({signal.value})"))


def _ask(url: str, client: httpx.Client, query: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = get(client, f"{url}/api/v1/query", query=query)["data"]["result"]
    return result


def _trap(trap: Trap, count: int) -> Finding:
    return judged(
        trap.subject, ok=not count, seen=trap.seen.format(count=count) if count else trap.well,
        blinds=trap.blinds, remedy=trap.remedy,
    )  # fmt: skip


def _signal(signal: Recorded, found: list[dict[str, Any]]) -> Finding:
    if found:
        return Finding(signal.name, ok=True, seen=f"{found[0]['value'][1]} series")
    why = next((why for name, why in RIGHTLY_ABSENT.items() if signal.name.startswith(name)), "")
    return judged(
        signal.name, ok=bool(why), seen=f"no series: {why}" if why else "no series",
        blinds=signal.help.rstrip(".").lower(),
        remedy="no traffic yet, or nothing writes what it is recorded from",
    )  # fmt: skip
