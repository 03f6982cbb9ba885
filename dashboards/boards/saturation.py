"""Saturation: who waits and why, what is full, and how far away the ceiling is."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards.panels import Dashboard, Link, Panel, Query, Row, Stat, TimeSeries, falling, rising
from dashboards.scope import (
    SERVICE,
    choose,
    drawn,
    part_of,
    service_variable,
    stat,
    whole,
)
from exporters.catalog import (
    Recorded,
    boards,
    forecast,
    neutral,
    neutral_levels,
    neutral_parts,
)

TO_REPLICA = Link(
    "Replica", boards.REPLICA, keeps=("service",), sets={"replica": "${__field.labels.replica}"}
)
ALL = "by (service)"
HOUR_SECONDS = 3600


def board(rules: RulesSection) -> Dashboard:
    """Build the saturation board, coloured by the alerts' own levels."""
    levels = rules.thresholds
    replicas = neutral.RUNNING.value.where(service=SERVICE)
    return whole(
        boards.SATURATION,
        "What is full, who waits for it, and how long it will last.",
        (service_variable(), choose("replica", "Replica", replicas)),
        Row("Now", _now(levels)),
        Row("Queues", _queues(levels)),
        Row("KV cache", _kv_cache(levels)),
        Row("Batch and device", _batch(levels)),
        Row("What is to come", _headroom(levels)),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _number("Waiting now", "At the gateway and in all replicas.", neutral.QUEUE_DEPTH, "sum",
                steps=rising(levels.queue_warning, levels.queue_critical)),
        _number("Longest wait P99", "The slowest queue of all.", neutral.QUEUE_WAIT_P99, "max"),
        _number("Running now", "Sequences in all batches.", neutral.RUNNING, "sum"),
        _number("Fullest KV cache", "The replica that will preempt first.",
                neutral.KV_CACHE_USAGE, "max", steps=rising(critical=levels.kv_cache)),
        _number("Preemptions now", "Work thrown away each second.", neutral.PREEMPTION_RATE, "sum",
                steps=rising(levels.preemptions_per_second)),
        _number("Refused now", "Requests answered 429 or 503 each second.",
                neutral.REJECTED_RATE, "sum", empty="none"),
    )  # fmt: skip


def _number(title: str, about: str, signal: Recorded, aggregate: str, **more: Any) -> Stat:
    chosen = signal.value.where(service=SERVICE)
    return stat(title, about, signal, f"{aggregate} {ALL} ({chosen})", width=4, **more)


def _parts(title: str, about: str, signal: Recorded, legend: str = "{{replica}}", **more: Any
           ) -> TimeSeries:  # fmt: skip
    more.setdefault("links", (TO_REPLICA,))
    named = f'label_replace({part_of(signal.value)}, "replica", "gateway", "replica", "")'
    return drawn(title, about, signal, named, legend, **more)


def _service(title: str, about: str, signal: Recorded, legend: str, **more: Any) -> TimeSeries:
    return drawn(title, about, signal, signal.value.where(service=SERVICE), legend, **more)


def _queues(levels: Thresholds) -> tuple[Panel, ...]:
    deep = rising(levels.queue_warning, levels.queue_critical)
    return (
        _parts("Queues by replica", "Who waits where; the gateway's own queue is named so.",
               neutral.QUEUE_DEPTH, steps=deep),
        _service("Queue by class", "Who waits at the gateway: batch work should wait first.",
                 neutral_parts.QUEUE_BY_PRIORITY, "{{priority}}", style="stacked", steps=deep),
        _parts("Queue by reason", "What engines lack: capacity, or something that will pass.",
               neutral_parts.QUEUE_BY_REASON, "{{replica}} {{reason}}", style="stacked",
               empty="only vLLM tells"),
        _parts("Wait by replica", "99th percentile of the wait for a slot.",
               neutral.QUEUE_WAIT_P99),
        _service("Refusals by reason", "Why the service itself answered 429 or 503.",
                 neutral.REJECTED_RATE, "{{reason}}", style="stacked", empty="nothing refused"),
        _parts("Refusals by replica", "What engines refused as busy.",
               neutral.REPLICA_REFUSED_RATE, empty="engine does not tell"),
        drawn("Oldest message", "In the queues in front of all services, by their own speed.",
              neutral_levels.BACKLOG_AGE, neutral_levels.BACKLOG_AGE.value,
              "{{consumergroup}} {{topic}}", steps=rising(levels.backlog_seconds), width=24,
              height=6, empty="no message queue tells"),
    )  # fmt: skip


def _kv_cache(levels: Thresholds) -> tuple[Panel, ...]:
    usage, replicas = neutral.KV_CACHE_USAGE, part_of(neutral.KV_CACHE_USAGE.value)
    cached, taken = (
        f"sum by (replica) ({part_of(signal.value)})"
        for signal in (neutral.CACHED_TOKEN_RATE, neutral.PROMPT_TOKEN_RATE)
    )
    return (
        _parts("KV cache of each replica", "Full means preemptions next.", usage, maximum=1,
               steps=rising(critical=levels.kv_cache)),
        TimeSeries(
            title="Spread of the KV cache",
            about="Fullest, mean and emptiest: far apart means that routing is not even.",
            signals=(usage,),
            queries=tuple(
                Query(f"{pick} {ALL} ({replicas})", pick) for pick in ("max", "avg", "min")
            ),
            maximum=1,
            steps=rising(critical=levels.kv_cache),
        ),
        _parts("Preemptions of each replica", "Work thrown away because the cache was full.",
               neutral.PREEMPTION_RATE, steps=rising(levels.preemptions_per_second)),
        drawn("Prompt tokens from the cache", "Share of prompt tokens that needed no prefill.",
              neutral.CACHED_TOKEN_RATE, f"{cached} / ({taken} > 0)", "{{replica}}", unit="ratio",
              maximum=1, empty="engine does not tell", beside=(neutral.PROMPT_TOKEN_RATE,)),
        _service("Long prompts arriving", "The share that fills the cache fastest.",
                 neutral.LONG_PROMPT_SHARE, "over 2,048 tokens", maximum=1,
                 steps=rising(levels.long_prompt_share)),
        _service("Mean prompt", "Longer prompts cost more than more prompts.",
                 neutral.PROMPT_LENGTH_MEAN, "mean"),
    )  # fmt: skip


def _batch(levels: Thresholds) -> tuple[Panel, ...]:
    running, tokens = (
        f"sum by (replica) ({part_of(signal.value)})"
        for signal in (neutral.RUNNING, neutral.GENERATED_TOKEN_RATE)
    )
    return (
        _parts("Batch of each replica", "Sequences that run together.", neutral.RUNNING),
        drawn("Tokens for each sequence", "What a sequence in the batch gets each second: it "
              "falls when the batch is too large or the device too slow.",
              neutral.GENERATED_TOKEN_RATE, f"{tokens} / ({running} > 0)", "{{replica}}",
              links=(TO_REPLICA,), beside=(neutral.RUNNING,)),
        _service("GPUs of the service", "Mean share of time in which a kernel ran.",
                 neutral_parts.SERVICE_UTILIZATION, "busy", maximum=1,
                 steps=rising(critical=levels.gpu_busy)),
    )  # fmt: skip


def _headroom(levels: Thresholds) -> tuple[Panel, ...]:
    load = {"service": SERVICE, "load": "requests"}
    arrivals = f"sum {ALL} ({neutral.STARTED_RATE.value.where(service=SERVICE)})"
    ahead = forecast.EXPECTED.value.where(**load, ahead="1h")
    highest = forecast.UPPER.value.where(**load, ahead="1h")
    return (
        TimeSeries(
            title="Load and capacity",
            about="Arrivals, what is expected an hour ahead, and what the service can take.",
            signals=(neutral.STARTED_RATE, forecast.EXPECTED, forecast.UPPER, forecast.CAPACITY),
            queries=(
                Query(arrivals, "arrivals"),
                Query(ahead, "expected in 1h"),
                Query(highest, "upper bound within 1h"),
                Query(forecast.CAPACITY.value.where(**load), "capacity"),
            ),
            unit="requests/second",
            width=16,
        ),
        TimeSeries(
            title="Capacity lasts",
            about="Until the forecast reaches capacity; no line while it never does.",
            signals=(forecast.CROSSING,),
            queries=(
                Query(forecast.CROSSING.value.where(service=SERVICE), "{{load}} {{bound}}"),
            ),
            steps=falling(levels.capacity_crossed_hours * HOUR_SECONDS),
            empty="not crossed, or no forecast runs",
            links=(Link("Stack health", boards.STACK),),
        ),
    )  # fmt: skip
