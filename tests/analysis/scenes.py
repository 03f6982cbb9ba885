"""Synthetic evidence: a healthy service, and what each kind of trouble does to its signals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Change, Evidence, Window
from analysis.frames import SPAN_SCHEMA

START = 1_700_000_000 * SECOND
BASELINE = 22
INCIDENT = 20

Effects = Mapping[tuple[str, str, str], float | tuple[str, float]]
"""(entity, quantity, part) -> what becomes of it from the onset on; entities may end in *.

A factor, ("to", level), or ("climb", level), which is reached at the end alone.
"""
TO, CLIMB = "to", "climb"

HEALTH: dict[str, dict[tuple[str, str], float]] = {
    "clients": {
        ("arrivals", ""): 12.0, ("fresh_arrivals", ""): 12.0, ("resent_arrivals", ""): 0.0,
        ("resent_share", ""): 0.0, ("prompt_length", ""): 220.0, ("long_share", ""): 0.01,
    },
    "service/chat": {
        ("error_share", ""): 0.0, ("duration_p99", ""): 1.4, ("duration_p50", ""): 0.45,
        ("first_token_p99", ""): 0.3, ("ok_share", ""): 0.99, ("rejected_share", ""): 0.0,
        ("failed_share", ""): 0.0, ("outcomes", "ok"): 12.0,
    },
    "gateway": {
        ("queue_depth", ""): 1.0, ("queue_wait", ""): 0.02, ("rejected", "queue_full"): 0.0,
        ("rejected", "rate_limit"): 0.0,
    },
    "upstream/features": {("upstream_time", ""): 0.021, ("upstream_errors", ""): 0.0},
    "cache/distributed": {("cache_hits", ""): 0.68, ("cache_errors", ""): 0.0},
    "node": {("node_cpu", ""): 0.5, ("node_memory", ""): 0.4},
}  # fmt: skip
REPLICA = {
    ("attempt_time", ""): 0.42, ("attempts", ""): 6.0, ("attempt_errors", ""): 0.0,
    ("step_time", "decode"): 0.012, ("step_time", "prefill"): 0.03,
    ("phase_time", "queue"): 0.02, ("phase_time", "prefill"): 0.04,
    ("phase_time", "decode"): 0.35, ("running", ""): 3.0, ("kv_usage", ""): 0.35,
    ("preemptions", ""): 0.0, ("queue_depth", ""): 0.5, ("replica_memory", ""): 400e6,
    ("cpu_throttled", ""): 0.0,
}  # fmt: skip
GPU = {
    ("gpu_up", ""): 1.0, ("gpu_busy", ""): 0.55, ("gpu_clock", ""): 0.98,
    ("gpu_temperature", ""): 61.0, ("gpu_throttle", "hw_thermal_slowdown"): 0.0,
    ("gpu_xid", "79"): 0.0, ("kernel_slowdown", "gemm"): 1.0,
}  # fmt: skip
QUIET = {"gpu_up": 0.0, "replica_memory": 0.02, "gpu_clock": 0.05, "gpu_temperature": 0.1}
"""Share of a scene's noise that a quantity has, where that is not all of it."""


@dataclass(frozen=True)
class Scene:
    """A service with named replicas, one GPU each, and what happens to it."""

    effects: Effects = field(default_factory=dict)
    replicas: tuple[str, ...] = ("heron", "stilt")
    seed: int = 0
    noise: float = 0.12
    onset: int = 8
    until: int | None = None
    alert: str = "LatencyBudgetBurn"
    drop: tuple[str, ...] = ()
    scale: float = 1.0
    changed: tuple[tuple[str, str], ...] = ()
    """(kind, entity) of what was changed when the trouble began."""
    phases: Mapping[str, Mapping[str, float]] | None = None
    missing: float = 0.0

    def levels(self) -> dict[str, dict[tuple[str, str], float]]:
        devices = {f"gpu/{number}": GPU for number in range(len(self.replicas))}
        return {**HEALTH, **{f"replica/{name}": REPLICA for name in self.replicas}, **devices}

    def evidence(self) -> Evidence:
        rows = []
        for entity, quantities in self.levels().items():
            for (quantity, part), level in quantities.items():
                if entity not in self.drop and quantity not in self.drop:
                    rows += self._samples(entity, quantity, part, level)
        series = pl.DataFrame(rows, schema=SERIES_SCHEMA, orient="row")
        placement = {f"replica/{n}": f"gpu/{i}" for i, n in enumerate(self.replicas)}
        before, during = self._spans()
        return Evidence(
            alert=Alert(self.alert, WINDOW.end_ns - 2 * SECOND, {"service": "chat"}),
            window=WINDOW, service="chat", series=series, placement=placement,
            spans_before=before, spans=during, changes=self._changes(),
        )  # fmt: skip

    def _changes(self) -> tuple[Change, ...]:
        at = WINDOW.start_ns + self.onset * SECOND
        return tuple(Change(at, kind, who, "old", "new", "test") for kind, who in self.changed)

    def _samples(
        self, entity: str, quantity: str, part: str, level: float
    ) -> list[tuple[str, str, str, int, float]]:
        name = f"{self.seed}/{entity}/{quantity}/{part}"
        rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
        steps = BASELINE + INCIDENT
        # Rates over five samples: neighbouring values share most of their data.
        wild = np.convolve(rng.normal(0, self.noise, steps + 4), np.ones(5) / 5, "valid") * 5**0.5
        wild *= QUIET.get(quantity, 1.0)
        values = level * np.exp(wild)
        effect = self._effect(entity, quantity, part)
        if effect is not None:
            first = BASELINE + self.onset
            last = steps if self.until is None else BASELINE + self.until
            target = effect[1] if isinstance(effect, tuple) else level * effect
            rising = last - first if effect == (CLIMB, target) else 5
            for step in range(first, last):
                blend = min(1.0, (step - first + 1) / rising)
                values[step] = (level + blend * (target - level)) * np.exp(wild[step])
        kept = rng.random(steps) >= self.missing
        return [
            (entity, quantity, part, WINDOW.baseline_ns + step * SECOND, float(v) * self.scale)
            for step, v in enumerate(values)
            if kept[step]
        ]

    def _effect(self, entity: str, quantity: str, part: str) -> float | tuple[str, float] | None:
        exact_first = sorted(self.effects.items(), key=lambda item: item[0][0].endswith("*"))
        for (who, what, which), effect in exact_first:
            mine = who == entity or (who.endswith("*") and entity.startswith(who[:-1]))
            if mine and what == quantity and which in (part, "*"):
                return effect
        return None

    def _spans(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        if self.phases is None:
            return pl.DataFrame(), pl.DataFrame()
        before = requests(self.replicas, HEALTHY_PHASES, 40, seed=self.seed, start=START)
        during = requests(
            self.replicas, {}, 40, seed=self.seed + 1, start=WINDOW.start_ns, by=self.phases
        )
        return before, during


WINDOW = Window(START, START + BASELINE * SECOND, START + (BASELINE + INCIDENT - 1) * SECOND)

HEALTHY_PHASES = {
    "wait": 0.01, "upstream": 0.02, "network": 0.002, "queue": 0.01, "prefill": 0.04,
    "decode": 0.35,
}  # fmt: skip


def requests(
    replicas: tuple[str, ...],
    phases: Mapping[str, float],
    count: int,
    *,
    seed: int = 0,
    start: int = START,
    by: Mapping[str, Mapping[str, float]] | None = None,
) -> pl.DataFrame:
    """Spans of `count` requests, spread over the replicas; `by` overrides phases per replica."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for number in range(count):
        replica = replicas[number % len(replicas)]
        own = {
            **HEALTHY_PHASES,
            **phases,
            **((by or {}).get("*", {})),
            **((by or {}).get(replica, {})),
        }
        seconds = {name: value * float(rng.lognormal(0, 0.15)) for name, value in own.items()}
        rows += _request(number + seed * 1000, replica, seconds, start + number * SECOND // 4)
    return pl.DataFrame(rows, schema=dict(SPAN_SCHEMA), orient="row")


def _request(
    number: int, replica: str, seconds: Mapping[str, float], start: int
) -> list[dict[str, object]]:
    trace = f"{number + 1:032x}"
    engine = seconds["queue"] + seconds["prefill"] + seconds["decode"]
    attempt = engine + seconds["network"]
    total = seconds["wait"] + seconds["upstream"] + attempt
    at = 0.0
    spans = [_span(trace, 1, None, "POST /v1/completions", "server", start, at, total)]
    spans.append(_span(trace, 2, 1, "queue", "internal", start, at, seconds["wait"]))
    at += seconds["wait"]
    up = _span(trace, 3, 1, "upstream features", "client", start, at, seconds["upstream"])
    up["attributes"] = json.dumps({"peer.service": "features"})
    spans.append(up)
    at += seconds["upstream"]
    call = _span(trace, 4, 1, "attempt", "client", start, at, attempt)
    call["attributes"] = json.dumps({"server.address": replica})
    spans.append(call)
    at += seconds["network"] / 2
    served = _span(trace, 5, 4, "POST /v1/completions", "server", start, at, engine)
    spans.append(served)
    for offset, phase in enumerate(("queue", "prefill", "decode")):
        spans.append(_span(trace, 6 + offset, 5, phase, "internal", start, at, seconds[phase]))
        at += seconds[phase]
    for span in spans[4:]:
        span["pod"] = replica
        span["service"] = "replica"
    return spans


def _span(
    trace: str, own: int, parent: int | None, operation: str, kind: str,
    start: int, at: float, length: float,
) -> dict[str, object]:  # fmt: skip
    return {
        **dict.fromkeys(SPAN_SCHEMA),
        "ts_ns": start + int(at * SECOND), "duration_ns": int(length * SECOND),
        "trace_id": trace, "span_id": f"{trace[-8:]}{own:08x}",
        "parent_id": None if parent is None else f"{trace[-8:]}{parent:08x}",
        "service": "gateway", "operation": operation, "kind": kind, "status": "ok",
        "attributes": "{}",
    }  # fmt: skip


SLOW = ("service/chat", "duration_p99", ""), ("service/chat", "duration_p50", "")
FELT: Effects = {SLOW[0]: 4.0, SLOW[1]: 3.0, ("service/chat", "first_token_p99", ""): 4.0}
REFUSED: Effects = {
    ("service/chat", "rejected_share", ""): (TO, 0.4),
    ("service/chat", "error_share", ""): (TO, 0.4),
}
WAITING: Effects = {("gateway", "queue_depth", ""): 20.0, ("gateway", "queue_wait", ""): 30.0}


def slow_replica(name: str = "heron", factor: float = 5.0, sister: float = 1.25) -> Effects:
    effects: dict[tuple[str, str, str], float | tuple[str, float]] = {**FELT, **WAITING}
    for quantity, part in (
        ("step_time", "*"), ("phase_time", "prefill"), ("phase_time", "decode"),
        ("attempt_time", ""),
    ):  # fmt: skip
        effects["replica/" + name, quantity, part] = factor
        effects["replica/*", quantity, part] = sister
    return effects


def traffic_burst() -> Effects:
    return {
        **FELT, **REFUSED, **WAITING,
        ("clients", "arrivals", ""): 5.2, ("clients", "fresh_arrivals", ""): 4.0,
        ("clients", "resent_arrivals", ""): (TO, 14.0), ("clients", "resent_share", ""): (TO, 0.22),
        ("replica/*", "running", ""): 2.5, ("replica/*", "step_time", "*"): 1.9,
        ("replica/*", "attempt_time", ""): 2.0, ("upstream/*", "upstream_time", ""): 2.0,
        ("gateway", "rejected", "queue_full"): (TO, 0.4),
    }  # fmt: skip


def retry_storm() -> Effects:
    return {
        **FELT, **REFUSED, **WAITING,
        ("clients", "arrivals", ""): 3.5, ("clients", "fresh_arrivals", ""): 1.05,
        ("clients", "resent_arrivals", ""): (TO, 30.0), ("clients", "resent_share", ""): (TO, 0.7),
        ("replica/*", "running", ""): 2.2, ("replica/*", "step_time", "*"): 1.7,
        ("replica/*", "attempt_time", ""): 1.8, ("upstream/*", "upstream_time", ""): 1.7,
    }  # fmt: skip


def kv_cache() -> Effects:
    return {
        **FELT, **WAITING,
        ("clients", "prompt_length", ""): 5.0, ("clients", "long_share", ""): (TO, 0.4),
        ("replica/*", "kv_usage", ""): (TO, 0.99), ("replica/*", "preemptions", ""): (TO, 3.0),
        ("replica/*", "phase_time", "*"): 4.0, ("replica/*", "step_time", "*"): 2.2,
        ("replica/*", "attempt_time", ""): 3.5,
    }  # fmt: skip


def traffic_mix() -> Effects:
    return {
        **FELT, ("clients", "prompt_length", ""): 4.0, ("clients", "long_share", ""): (TO, 0.3),
        ("replica/*", "phase_time", "prefill"): 4.0, ("replica/*", "step_time", "prefill"): 3.5,
        ("replica/*", "step_time", "decode"): 1.3, ("replica/*", "attempt_time", ""): 2.5,
        ("replica/*", "kv_usage", ""): 1.6,
    }  # fmt: skip


def upstream_slow() -> Effects:
    return {
        **FELT, ("upstream/features", "upstream_time", ""): 20.0,
        ("gateway", "queue_depth", ""): 2.5, ("gateway", "queue_wait", ""): 3.0,
    }  # fmt: skip


def upstream_errors() -> Effects:
    return {
        ("service/chat", "error_share", ""): (TO, 0.5),
        ("service/chat", "failed_share", ""): (TO, 0.5),
        ("upstream/features", "upstream_errors", ""): (TO, 0.6),
        ("clients", "resent_share", ""): (TO, 0.2), ("clients", "resent_arrivals", ""): (TO, 3.0),
        ("clients", "arrivals", ""): 1.25,
    }  # fmt: skip


def rate_limit() -> Effects:
    return {
        ("service/chat", "rejected_share", ""): (TO, 0.35),
        ("gateway", "rejected", "rate_limit"): (TO, 0.35),
        ("clients", "resent_share", ""): (TO, 0.15), ("clients", "resent_arrivals", ""): (TO, 2.0),
    }  # fmt: skip


def queue_saturation() -> Effects:
    return {**FELT, **WAITING}


def gpu_throttle(index: int = 1, name: str = "stilt") -> Effects:
    return {
        **slow_replica(name, 2.4),
        (f"gpu/{index}", "gpu_throttle", "hw_thermal_slowdown"): (TO, 1.0),
        (f"gpu/{index}", "gpu_clock", ""): 0.45, (f"gpu/{index}", "gpu_temperature", ""): 1.4,
        (f"gpu/{index}", "kernel_slowdown", "gemm"): 2.2,
    }  # fmt: skip


def gpu_fault(index: int = 0, name: str = "heron") -> Effects:
    return {
        **slow_replica(name, 3.0), (f"gpu/{index}", "gpu_xid", "79"): (TO, 2.0),
        (f"replica/{name}", "attempt_errors", ""): (TO, 0.6),
        ("service/chat", "error_share", ""): (TO, 0.3),
        ("service/chat", "failed_share", ""): (TO, 0.3),
    }  # fmt: skip


def kernel_regression(index: int = 0, name: str = "heron", factor: float = 3.0) -> Effects:
    return {
        **slow_replica(name, factor), (f"gpu/{index}", "kernel_slowdown", "gemm"): factor,
    }  # fmt: skip


def cpu_starvation(name: str = "heron") -> Effects:
    return {
        **slow_replica(name, 4.0), (f"replica/{name}", "cpu_throttled", ""): (TO, 0.8),
    }  # fmt: skip


def memory_leak(name: str = "heron") -> Effects:
    return {(f"replica/{name}", "replica_memory", ""): (CLIMB, 3e9)}


def bad_deploy(name: str = "heron") -> Effects:
    return {
        (f"replica/{name}", "attempt_errors", ""): (TO, 0.7),
        ("service/chat", "failed_share", ""): (TO, 0.35), ("service/chat", "ok_share", ""): 0.65,
        ("clients", "resent_share", ""): (TO, 0.2), ("clients", "resent_arrivals", ""): (TO, 3.0),
        ("clients", "arrivals", ""): 1.25,
    }  # fmt: skip


def cache_outage() -> Effects:
    return {
        **FELT, **WAITING,
        ("cache/distributed", "cache_errors", ""): (TO, 1.0),
        ("cache/distributed", "cache_hits", ""): (TO, 0.0),
        ("replica/*", "attempts", ""): 3.0, ("replica/*", "running", ""): 2.5,
        ("replica/*", "step_time", "*"): 1.9, ("replica/*", "attempt_time", ""): 2.0,
    }  # fmt: skip


def cpu_contention(factor: float = 3.0) -> Effects:
    """Neighbours on the host: everything that needs a core is late, kernels are not."""
    return {
        **FELT, **WAITING, ("node", "node_cpu", ""): (TO, 0.99),
        ("replica/*", "step_time", "*"): factor, ("replica/*", "phase_time", "*"): factor,
        ("replica/*", "attempt_time", ""): factor, ("upstream/*", "upstream_time", ""): 1.3,
    }  # fmt: skip


def kernel_regression_everywhere() -> Effects:
    return {
        **FELT, **WAITING, ("gpu/*", "kernel_slowdown", "gemm"): 2.0,
        ("replica/*", "step_time", "*"): 2.0, ("replica/*", "phase_time", "*"): 2.0,
        ("replica/*", "attempt_time", ""): 2.0,
    }  # fmt: skip
