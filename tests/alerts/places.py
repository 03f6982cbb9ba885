"""Who alerts of one machine and one service are about, and the boards that they lead to."""

from __future__ import annotations

from typing import Any

from tests.alerts.conftest import Fires, Teller

SERVICE_BOARD = "http://127.0.0.1:3000/d/busysignal-service"
GPU_BOARD = "http://127.0.0.1:3000/d/busysignal-gpu"
PROBE_BOARD = "http://127.0.0.1:3000/d/busysignal-probe"
GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
OK = f'llm_requests_total{{{GATEWAY},model="m",outcome="ok",status="200"}}'
REFUSED = f'llm_requests_total{{{GATEWAY},model="m",outcome="rejected",status="429"}}'
STARTED = f'llm_requests_started_total{{{GATEWAY},model="m"}}'

Row = tuple[dict[str, str], dict[str, str], dict[str, str]]
"""What goes in (wrong from minute 10 to minute 40), who it is about, what the alert says."""


def target(job: str, instance: str = "n1:1") -> tuple[str, dict[str, str]]:
    labels = f'job="{job}",instance="{instance}",service="chat"'
    return labels, {f"up{{{labels}}}": "1x400", f"scrape_samples_scraped{{{labels}}}": "9x400"}


def gpu_labels(**more: str) -> dict[str, str]:
    return {"service": "chat", "instance": "n1:1", **more}


def tell(story: Teller, name: str, row: Row) -> None:
    """Silent before, speaks during, ends after."""
    series, labels, annotations = row
    checks: tuple[Any, ...] = (
        ("9m", name, []),
        ("39m", name, [Fires(labels, annotations)]),
        ("60m", name, []),
    )
    story.alerts(series, *checks, interval="30s")


GPU, GPU_UP = target("gpu")
PROBE, PROBE_UP = target("probe")
NODE, NODE_UP = target("node")
WATCH, WATCH_UP = target("watch")
ON_GPU = {"dashboard_url": f"{GPU_BOARD}?var-instance=n1:1&var-gpu=0"}
MACHINES_BOARD = SERVICE_BOARD.replace("service", "machines")
ON_CHAT = {"dashboard_url": f"{SERVICE_BOARD}?var-service=chat"}
GPU_WHERE = '{instance="n1:1",gpu="0"}'
