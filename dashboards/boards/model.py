"""One model: its load, its answers and its times, as its users meet them."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards.boards.service_flow import OUTCOME_COLORS
from dashboards.panels import Dashboard, Link, Panel, Query, Row, Stat, rising
from dashboards.scope import (
    SERVICE,
    choose,
    drawn,
    durations,
    heatmap,
    lines,
    of,
    or_no_traffic,
    service_variable,
    stat,
    whole,
)
from exporters.catalog import Recorded, boards, neutral, requests

TO_LATENCY = Link("Latency anatomy", boards.LATENCY, keeps=("service", "model"))


def board(rules: RulesSection) -> Dashboard:
    """Build the board of one model, coloured by the alerts' own levels."""
    levels = rules.thresholds
    # Of those that answer: nobody wants to begin with one that nothing is known of.
    models = neutral.DURATION_P99.value.where(service=SERVICE)
    return whole(
        boards.MODEL,
        "One model of a service: who asks for it, and what they get.",
        (service_variable(), choose("model", "Model", models, several=False)),
        Row("Now", _now(levels)),
        Row("Load and answers", _answers(levels)),
        Row("Times", _times(levels)),
        Row("Every request", _every()),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    slow = rising(critical=levels.p99_seconds)
    return (
        _number("Arrivals", "Requests for this model each second.", neutral.STARTED_RATE, "sum"),
        _number("Duration P50", "Half of its requests are faster.", neutral.DURATION_P50, "max"),
        Stat(
            title="Duration P99",
            about="One request in a hundred takes longer.",
            signals=(neutral.DURATION_P99,),
            queries=(Query(or_no_traffic(_of(neutral.DURATION_P99, "max")), "p99"),),
            steps=slow,
        ),
        _number("First token P99", "What a reader waits for.", neutral.FIRST_TOKEN_P99, "max"),
        _number("Between tokens P99", "What a reader stumbles over.", neutral.INTER_TOKEN_P99,
                "max"),
        _share("Share of arrivals", "How much of the service's demand is this model's."),
    )  # fmt: skip


def _of(signal: Recorded, aggregate: str) -> str:
    return f"{aggregate} by (service) ({of(signal.value)})"


def _number(title: str, about: str, signal: Recorded, aggregate: str) -> Stat:
    return stat(title, about, signal, or_no_traffic(_of(signal, aggregate)), width=4)


def _share(title: str, about: str) -> Stat:
    arrivals = neutral.STARTED_RATE
    every = f"sum by (service) ({arrivals.value.where(service=SERVICE)})"
    expr = or_no_traffic(f"{_of(arrivals, 'sum')} / ({every} > 0)")
    return stat(title, about, arrivals, expr, unit="ratio", width=4)


def _answers(levels: Thresholds) -> tuple[Panel, ...]:
    outcomes = f"sum by (outcome) ({of(neutral.OUTCOME_RATE.value)})"
    failed = of(neutral.OUTCOME_RATE.value).matching(
        outcome="rejected|error|failed_midstream|timeout"
    )
    every = f"sum by (model) ({of(neutral.OUTCOME_RATE.value)})"
    return (
        lines("Arrivals of the model", "Demand, counted when the headers arrive.",
              neutral.STARTED_RATE, "{{model}}"),
        drawn("Outcomes of the model", "How its requests ended.", neutral.OUTCOME_RATE, outcomes,
              "{{outcome}}", style="stacked", colors=OUTCOME_COLORS),
        drawn("Failed share", "Requests that a user felt as failure, whoever was to blame.",
              neutral.OUTCOME_RATE,
              f"(sum by (model) ({failed}) or 0 * {every}) / ({every} > 0)", "{{model}}",
              unit="ratio", maximum=1, steps=rising(critical=levels.failed_share)),
    )  # fmt: skip


def _times(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        durations("Duration of the model",
                  "From the headers to the last byte, of requests answered well.",
                  levels, "", links=(TO_LATENCY,)),
        lines("First token of the model", "99th percentile: queue and prefill.",
              neutral.FIRST_TOKEN_P99, "p99", links=(TO_LATENCY,)),
        lines("Between its tokens", "99th percentile: the batch and the device.",
              neutral.INTER_TOKEN_P99, "p99", links=(TO_LATENCY,)),
    )  # fmt: skip


def _every() -> tuple[Panel, ...]:
    return (
        heatmap("All durations", "Each row is a bucket, each dot an exemplar with its trace.",
                requests.REQUEST_DURATION, width=8),
        heatmap("All first tokens", "Two bands are two kinds of prompt, or one slow replica.",
                requests.TIME_TO_FIRST_TOKEN, width=8),
        heatmap("All gaps between tokens", "A tail here is a batch that is too large.",
                requests.INTER_TOKEN_LATENCY, width=8),
    )  # fmt: skip
