"""Small readers for what telemetry left behind: metrics, Elasticsearch, the spool."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx

from exporters.telemetry import Telemetry


def metric(telemetry: Telemetry, name: str, **labels: str) -> float:
    inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
    line = "^" + re.escape(f"{name}{{{inner}}}" if inner else name) + r" (\S+)"
    found = re.search(line, telemetry.collect_text(), re.MULTILINE)
    assert found, f"{name} {labels} is not in\n{telemetry.collect_text()}"
    return float(found[1])


def documents(url: str, index: str) -> list[dict[str, Any]]:
    """Every document of an index, after a refresh; at most 10,000."""
    httpx.post(f"{url}/{index}/_refresh", trust_env=False)
    answer = httpx.get(f"{url}/{index}/_search", params={"size": 10_000}, trust_env=False)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []  # its shard was made this moment
    answer.raise_for_status()
    return [hit["_source"] for hit in answer.json()["hits"]["hits"]]


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)
