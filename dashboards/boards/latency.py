"""Latency anatomy: which part of a request takes its time, in the mean and one by one."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards.panels import (
    Dashboard,
    Link,
    Panel,
    Query,
    Row,
    TimeSeries,
    rising,
)
from dashboards.scope import (
    PHASE_COLORS,
    SERVICE,
    choose,
    drawn,
    durations,
    heatmap,
    lines,
    or_no_traffic,
    service_variable,
    stat,
    whole,
)
from exporters.catalog import boards, neutral, neutral_parts, requests

TO_REPLICA = Link(
    "Replica", boards.REPLICA, keeps=("service",), sets={"replica": "${__field.labels.replica}"}
)
NAMES = {
    "gateway": "Waiting at the gateway", "upstream": "Upstream services",
    "queue": "Waiting in the engine", "prefill": "Prefill", "decode": "Decode",
}  # fmt: skip
ABOUT = {
    "gateway": "Share of a request's time until a replica is free.",
    "upstream": "Share of a request's time spent on services it depends on.",
    "queue": "Share of a request's time until the batch has a place.",
    "prefill": "Share of a request's time in which the prompt is read.",
    "decode": "Share of a request's time in which the answer is written.",
}


def board(rules: RulesSection) -> Dashboard:
    """Build the latency board, coloured by the alerts' own levels."""
    levels = rules.thresholds
    models = neutral.STARTED_RATE.value.where(service=SERVICE)
    return whole(
        boards.LATENCY,
        "Where the time of a request goes: queue, prefill, decode or upstream.",
        (service_variable(), choose("model", "Model", models)),
        Row("Shares now", (_mean(), *map(_share, NAMES))),
        Row("Where the time goes", _phases()),
        Row("Every request", _every()),
        Row("By replica", _replicas()),
        Row("Beside the engines", _around(levels)),
    )


def _mean() -> Panel:
    means = neutral_parts.REQUEST_PHASE
    every = f"sum by (service) ({means.value.where(service=SERVICE)})"
    return stat("Mean request", "All its phases together.", means, or_no_traffic(every), width=4)


def _share(phase: str) -> Panel:
    means = neutral_parts.REQUEST_PHASE
    one = f"sum by (service) ({means.value.where(service=SERVICE, phase=phase)})"
    every = f"sum by (service) ({means.value.where(service=SERVICE)})"
    return stat(NAMES[phase], ABOUT[phase], means, or_no_traffic(f"{one} / ({every} > 0)"),
                unit="ratio", width=4, decimals=0)  # fmt: skip


def _phases() -> tuple[Panel, ...]:
    means = neutral_parts.REQUEST_PHASE
    chosen = tuple(
        Query(means.value.where(service=SERVICE, phase=phase), phase) for phase in PHASE_COLORS
    )
    return (
        TimeSeries(
            title="Time in each phase",
            about="Mean of one request, stacked to the whole.",
            signals=(means,),
            queries=chosen,
            style="stacked",
            colors=PHASE_COLORS,
            width=12,
        ),
        TimeSeries(
            title="Share of each phase",
            about="The same as shares: the one that widens is the one to look at.",
            signals=(means,),
            queries=chosen,
            style="shares",
            colors=PHASE_COLORS,
            width=12,
        ),
    )


def _every() -> tuple[Panel, ...]:
    return (
        heatmap("Request durations", "Each row is a bucket, each dot an exemplar with its trace.",
                requests.REQUEST_DURATION),
        heatmap("First tokens", "Queue and prefill of every request.",
                requests.TIME_TO_FIRST_TOKEN),
        heatmap("Gaps between tokens", "A tail here is a batch too large, or a device too slow.",
                requests.INTER_TOKEN_LATENCY),
        heatmap("Waits at the gateway", "Mostly nothing, or all the rest waits too.",
                requests.QUEUE_WAIT),
    )  # fmt: skip


def _replicas() -> tuple[Panel, ...]:
    means = neutral.PHASE_MEAN.value.where(service=SERVICE)
    parts = tuple(
        drawn(f"{NAMES[phase]} by replica", "The one that stands out is the one to look at.",
              neutral.PHASE_MEAN, means.where(phase=phase), "{{replica}}", links=(TO_REPLICA,),
              empty="engine does not tell")
        for phase in ("queue", "prefill", "decode")
    )  # fmt: skip
    return (
        *parts,
        lines("Whole request by replica", "99th percentile, as each engine saw it.",
              neutral.REPLICA_DURATION_P99, "{{replica}}", links=(TO_REPLICA,),
              empty="engine does not tell"),
        lines("First token by replica", "99th percentile, as each engine saw it.",
              neutral.REPLICA_FIRST_TOKEN_P99, "{{replica}}", links=(TO_REPLICA,),
              empty="engine does not tell"),
        lines("Gap between tokens by replica", "Mean, as each engine saw it.",
              neutral.REPLICA_INTER_TOKEN_MEAN, "{{replica}}", links=(TO_REPLICA,),
              empty="engine does not tell"),
    )  # fmt: skip


def _around(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        durations("Duration of a request",
                  "From the headers to the last byte, of requests answered well.",
                  levels, " {{model}}"),
        lines("Upstream calls", "Mean time of a call to what every request waits for.",
              neutral.UPSTREAM_MEAN, "{{upstream}}", steps=rising(critical=levels.upstream_seconds),
              empty="none is called"),
        lines("Attempts", "Mean time of one call from the gateway to a replica.",
              neutral.ATTEMPT_MEAN, "{{replica}}", links=(TO_REPLICA,)),
    )  # fmt: skip
