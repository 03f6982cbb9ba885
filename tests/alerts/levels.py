"""What stories of levels share: targets, series, and how an alert speaks."""

from __future__ import annotations

from tests.alerts.conftest import Fires

BOARD = "http://127.0.0.1:3000/d/busysignal"
ON_CHAT = f"{BOARD}-service?var-service=chat"
ON_GPU = f"{BOARD}-gpu?var-instance=n1:1&var-gpu=0"
GATEWAY = 'job="gateway",instance="g",service="chat"'
REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
OTHER = 'job="replica",instance="r2:8000",service="chat",replica="r2"'
NODE = 'job="node",instance="n1:1",service="chat"'
GPU = 'job="gpu",instance="n1:1",service="chat"'
UP = {
    f"{series}{{{labels}}}": value
    for labels in (NODE, GPU)
    for series, value in (("up", "1x900"), ("scrape_samples_scraped", "9x900"))
}
STARTED = f'llm_requests_started_total{{{GATEWAY},model="m"}}'


def requests(outcome="ok", status="200", model="m"):
    return f'llm_requests_total{{{GATEWAY},model="{model}",outcome="{outcome}",status="{status}"}}'


def cache(result):
    return f'llm_cache_lookups_total{{{GATEWAY},tier="prompt",result="{result}"}}'


def says(description, query, board=ON_CHAT, **labels):
    annotations = {"description": description, "query": query, "dashboard_url": board}
    return Fires(labels, annotations)


CHAT = {"service": "chat"}
R1 = {"service": "chat", "replica": "r1"}
GPU0 = {"service": "chat", "instance": "n1:1", "gpu": "0"}
GPU_WHERE = '{instance="n1:1",gpu="0"}'
BUSY = {requests(): "0+10x400", STARTED: "0+10x400"}
DURATIONS = (
    f'llm_request_duration_by_outcome_seconds_{{}}{{{{{GATEWAY},model="m",priority="{{}}",'
    'outcome="ok"{}}}'
)
