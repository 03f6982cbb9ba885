"""Spans and logs in Elasticsearch by the million, in the `otel` shape, spread over one hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson

START_NS = 1_795_428_000 * 10**9
HOUR_NS = 3_600 * 10**9
SPANS = "reading-spans"
LOGS = "reading-logs"
BATCH = 5_000

Make = Callable[[int, int], dict[str, Any]]
Batch = tuple[str, Make, int, int, int]
"""Index, maker of documents, first and last number, and the nanoseconds between two."""

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_IDS = {"trace_id": _KEYWORD, "span_id": _KEYWORD, "parent_span_id": _KEYWORD}
_RESOURCE = {
    "properties": {
        "attributes": {"dynamic": True, "properties": {"service.name": _KEYWORD}, "type": "object"}
    }
}
_MAPPINGS: dict[str, dict[str, Any]] = {
    SPANS: {
        "@timestamp": {"type": "date"}, **_IDS, "name": _KEYWORD, "kind": _KEYWORD,
        "duration": {"type": "long"}, "status": {"properties": {"code": _KEYWORD}},
        "resource": _RESOURCE,
    },
    LOGS: {
        "@timestamp": {"type": "date"}, **_IDS, "severity_number": {"type": "integer"},
        "resource": _RESOURCE,
    },
}  # fmt: skip
_SERVICES = ("gateway", "router", "replica", "replica", "cache", "features", "tokenizer", "auth")
_SETTINGS = {"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1"}


def fill(url: str, spans: int, logs: int) -> None:
    """Make both indices and send their documents, two batches at a time; then refresh."""
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        for index, properties in _MAPPINGS.items():
            body = {"settings": _SETTINGS, "mappings": {"dynamic": False, "properties": properties}}
            client.put(f"/{index}", json=body).raise_for_status()
        batches = [*_batches(SPANS, span, spans), *_batches(LOGS, log, logs)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda batch: _send(client, batch), batches))
        client.post(f"/{SPANS},{LOGS}/_refresh").raise_for_status()


def _batches(index: str, make: Make, count: int) -> Iterator[Batch]:
    step = HOUR_NS // max(1, count)
    for start in range(0, count, BATCH):
        yield index, make, start, min(count, start + BATCH), step


def _send(client: httpx.Client, batch: Batch) -> None:
    index, make, start, end, step = batch
    content = b"".join(
        b'{"index":{}}\n' + orjson.dumps(make(number, START_NS + number * step)) + b"\n"
        for number in range(start, end)
    )
    answer = client.post(
        f"/{index}/_bulk?filter_path=errors", content=content,
        headers={"content-type": "application/x-ndjson"},
    )  # fmt: skip
    answer.raise_for_status()
    if answer.json()["errors"]:
        raise RuntimeError(f"documents {start} to {end} of {index} were refused")


def span(number: int, ts_ns: int) -> dict[str, Any]:
    """One of the eight spans of a trace; every 50th has failed."""
    trace, place = divmod(number, 8)
    document: dict[str, Any] = {
        "@timestamp": f"{ts_ns // 10**6}.{ts_ns % 10**6}",
        "trace_id": _trace(trace),
        "span_id": f"{number + 1:016x}",
        "name": ("POST /v1/completions", "route", "prefill", "decode")[place % 4],
        "kind": ("Server", "Client", "Internal", "Internal")[place % 4],
        "duration": 1_000_000 + number * 7_919 % 90_000_000,
        "attributes": _attributes(trace, place),
        "links": [],
        "status": {"code": "Error", "message": "upstream error"} if number % 50 == 0 else {},
        "resource": _resource(trace, place),
        "scope": {"name": "service", "version": "1.0"},
    }
    if place:
        document["parent_span_id"] = f"{number:016x}"
    return document


def log(number: int, ts_ns: int) -> dict[str, Any]:
    """A line of text; every 40th is an error."""
    trace, place = divmod(number, 8)
    is_error = number % 40 == 0
    text = f"request req-{trace:08x} took {number % 997} ms in step {place}, queue {number % 31}"
    return {
        "@timestamp": f"{ts_ns // 10**6}.{ts_ns % 10**6}",
        "observed_timestamp": f"{ts_ns // 10**6 + 1}.{ts_ns % 10**6}",
        "severity_text": "ERROR" if is_error else "INFO",
        "severity_number": 17 if is_error else 9,
        "trace_id": _trace(trace),
        "span_id": f"{number + 1:016x}",
        "attributes": {"request.id": f"req-{trace:08x}", "code.line.number": number % 500},
        "resource": _resource(trace, place),
        "scope": {"name": "service.worker"},
        "body": {"text": text},
    }


def _trace(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number + 1:016x}"


def _attributes(trace: int, place: int) -> dict[str, Any]:
    told: dict[str, Any] = {"request.id": f"req-{trace:08x}", "tenant": f"team-{trace % 9}"}
    if place % 4 == 0:
        told |= {"http.request.method": "POST", "http.response.status_code": 200,
                 "url.path": "/v1/completions", "server.port": 8000}  # fmt: skip
    elif place % 4 == 1:
        told |= {"peer.service": "replica", "server.address": f"replica-{trace % 4}"}
    else:
        told |= {"gen_ai.request.model": "tiny", "gen_ai.usage.input_tokens": trace % 4_096,
                 "gen_ai.usage.output_tokens": trace % 512}  # fmt: skip
    return told


def _resource(trace: int, place: int) -> dict[str, Any]:
    service, copy = _SERVICES[place], trace % 4
    return {
        "attributes": {
            "service.name": service, "service.version": "1.7.0",
            "service.instance.id": f"{service}-{copy}", "host.name": f"node-{copy}",
            "k8s.pod.name": f"{service}-6c9d8f7b5d-{copy}", "k8s.node.name": f"node-{copy}",
            "k8s.namespace.name": "serving", "container.id": f"{place:032x}{copy:032x}",
        }
    }  # fmt: skip
