"""Spans and logs of the requests that were sampled, in the canonical frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from demo.incidents.gateway import Attempt, Exchange
from demo.incidents.plan import Plan

NS = 1_000_000_000
INFO, WARN, ERROR = 9, 13, 17
Row = dict[str, Any]


class Tracer:
    """Keeps one request in so many, and writes down its way; clocks may be askew."""

    def __init__(
        self, plan: Plan, *, epoch_ns: int, keep: float, skew: dict[str, float], seed: str
    ) -> None:
        self.plan, self.keep = plan, keep
        self._epoch, self._skew = epoch_ns, skew
        self._aliases = {one.name: one.alias for one in plan.upstreams}
        self._rng = Random(f"{seed}/traces")
        self.complaint: Callable[[str], tuple[str, str]] = lambda _: ("", "")
        self.spans: list[Row] = []
        self.logs: list[Row] = []

    def tell(self, exchange: Exchange) -> None:
        """A request is over."""
        sampled = self._rng.random() < self.keep
        if exchange.arrived < 0 or not sampled:
            return
        trace = f"{self._rng.getrandbits(128):032x}"
        self.spans.extend(self._request(exchange, trace))
        self.logs.extend(self._lines(exchange, trace))

    def frames(self, until: float) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Spans and logs that began before `until`, in order of time."""
        end = self._epoch + int(until * NS)
        spans = pl.DataFrame(self.spans, schema=dict(SPAN_SCHEMA), orient="row")
        logs = pl.DataFrame(self.logs, schema=dict(LOG_SCHEMA), orient="row")
        return (
            spans.filter(pl.col("ts_ns") < end).sort("ts_ns", "span_id"),
            logs.filter(pl.col("ts_ns") < end).sort("ts_ns", "body"),
        )

    def _request(self, exchange: Exchange, trace: str) -> Iterator[Row]:
        root = self._span(trace, None, "POST /v1/completions", "server",
                          exchange.arrived, exchange.ended)  # fmt: skip
        root["http_status"] = exchange.status
        root["status"] = "error" if exchange.status >= 500 else "ok"
        root["model"] = self.plan.model
        yield root
        parent = root["span_id"]
        if exchange.queued is not None:
            yield self._span(trace, parent, "queue", "internal", *exchange.queued)
        for name, began, ended, outcome in exchange.calls:
            call = self._span(trace, parent, f"upstream {name}", "client", began, ended)
            call["attributes"] = json.dumps({"peer.service": self._aliases[name]})
            call["status"] = outcome
            yield call
        for attempt in exchange.attempts:
            call = self._span(trace, parent, "attempt", "client", attempt.began, attempt.ended)
            call["attributes"] = json.dumps({"server.address": attempt.replica})
            call["status"] = "ok" if attempt.outcome == "ok" else "error"
            yield call
            if attempt.sequence is not None:
                yield from self._inside(trace, call["span_id"], attempt.replica, attempt.sequence)

    def _inside(self, trace: str, parent: str, name: str, sequence: Any) -> Iterator[Row]:
        served = self._span(trace, parent, "POST /v1/completions", "server",
                            sequence.came, sequence.ended, name)  # fmt: skip
        yield served
        at = sequence.came
        for phase, seconds in zip(("queue", "prefill", "decode"), sequence.phases, strict=True):
            end = at + seconds
            yield self._span(trace, served["span_id"], phase, "internal", at, end, name)
            at = end

    def _span(
        self, trace: str, parent: str | None, operation: str, kind: str,
        began: float, ended: float, pod: str | None = None,
    ) -> Row:  # fmt: skip
        return {
            **dict.fromkeys(SPAN_SCHEMA),
            "ts_ns": self._at(began, pod),
            "duration_ns": max(0, int((ended - began) * NS)),
            "trace_id": trace,
            "span_id": f"{self._rng.getrandbits(64):016x}",
            "parent_id": parent,
            "service": "gateway" if pod is None else "replica",
            "operation": operation,
            "kind": kind,
            "status": "ok",
            "pod": pod,
            "weight": 1.0 / self.keep,
            "attributes": "{}",
        }

    def _at(self, seconds: float, pod: str | None) -> int:
        return self._epoch + int((seconds + self._skew.get(pod or "gateway", 0.0)) * NS)

    def _lines(self, exchange: Exchange, trace: str) -> Iterator[Row]:
        number = f"{self._rng.getrandbits(128):032x}"
        priority = exchange.work.priority
        if exchange.reason:
            busy = "too many requests" if exchange.status == 429 else "server busy"
            body = f"request {number} is refused with {exchange.status}: {busy}"
            yield self.line(exchange.ended, WARN, body, trace=trace)
            return
        for name, _, ended, outcome in exchange.calls:
            if outcome != "ok":
                yield self.line(ended, WARN, f"{name} are missing: {outcome}", trace=trace)
        for attempt in exchange.attempts:
            if attempt.outcome == "error":
                body = f"attempt at {attempt.replica} failed: connection reset"
                yield self.line(attempt.ended, ERROR, body, trace=trace)
                yield from self._complaint(attempt, trace)
        if exchange.status == 500:
            body = "request failed: certificate verify failed: certificate has expired"
            yield self.line(exchange.ended, ERROR, body, trace=trace, exception="ssl.SSLError")
        body = f"request {number} ({priority}) is over"
        yield self.line(exchange.ended, INFO, body, trace=trace)

    def _complaint(self, attempt: Attempt, trace: str) -> Iterator[Row]:
        exception, body = self.complaint(attempt.replica)
        if exception:
            yield self.line(
                attempt.ended, ERROR, body, trace=trace, pod=attempt.replica, exception=exception
            )

    def line(
        self, at: float, severity: int, body: str, *, trace: str | None = None,
        pod: str | None = None, exception: str | None = None,
    ) -> Row:  # fmt: skip
        """One log line of the gateway, or of a replica where `pod` names it."""
        return {
            **dict.fromkeys(LOG_SCHEMA),
            "ts_ns": self._at(at, pod),
            "severity": severity,
            "body": body,
            "logger": "gateway" if pod is None else "replica",
            "service": "gateway" if pod is None else "replica",
            "trace_id": trace,
            "pod": pod,
            "exception_type": exception,
            "attributes": "{}",
        }
