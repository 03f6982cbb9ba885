"""The service overview's traffic and latency."""

from __future__ import annotations

from alerts.config import Thresholds
from dashboards.panels import Link, Panel, Query, TimeSeries, rising
from dashboards.scope import durations, heatmap, lines, of
from exporters.catalog import boards, neutral, neutral_levels, requests

TO_MODEL = Link(
    "Model", boards.MODEL, keeps=("service",), sets={"model": "${__field.labels.model}"}
)
OUTCOME_COLORS = {
    "ok": "green",
    "rejected": "orange",
    "error": "red",
    "failed_midstream": "dark-red",
    "client_gone": "blue",
    "timeout": "purple",
}


def traffic(levels: Thresholds) -> tuple[Panel, ...]:
    """What arrives, how it ends, and what comes back."""
    outcomes = f"sum by (outcome) ({of(neutral.OUTCOME_RATE.value)})"
    return (
        lines(
            "Arrivals by model",
            "Demand, counted when the headers arrive.",
            neutral.STARTED_RATE,
            "{{model}}",
            links=(TO_MODEL,),
        ),
        TimeSeries(
            title="Outcomes",
            about="How requests ended.",
            signals=(neutral.OUTCOME_RATE,),
            queries=(Query(outcomes, "{{outcome}}"),),
            style="stacked",
            colors=OUTCOME_COLORS,
        ),
        lines(
            "Refused by reason",
            "Why the service itself answered 429 or 503.",
            neutral.REJECTED_RATE,
            "{{reason}}",
            empty="nothing refused",
            style="stacked",
        ),
        lines(
            "Resent share",
            "Arrivals that call themselves retries; a storm multiplies the load.",
            neutral.RESENT_SHARE,
            "resent",
            steps=rising(critical=levels.resent_share),
            height=6,
        ),
        lines(
            "Fallbacks",
            "Requests that the fallback model answered.",
            neutral.FALLBACK_RATE,
            "fallback",
            height=6,
        ),
        lines(
            "Arrivals beside the usual",
            "Over the mean of the hour before; 1 is as usual.",
            neutral_levels.ARRIVAL_GROWTH,
            "growth",
            unit="1",
            steps=rising(levels.arrivals_growth),
            empty="nothing to compare with yet",
            height=6,
        ),
    )


def latency(levels: Thresholds) -> tuple[Panel, ...]:
    """How long users wait: as quantiles, and every request of them."""
    return (
        durations(
            "Request duration",
            "From the headers to the last byte.",
            levels,
            " {{model}}",
            links=(TO_MODEL,),
            width=12,
        ),
        heatmap(
            "All requests",
            "How many took how long: each row is a bucket, each dot an exemplar with its trace.",
            requests.REQUEST_DURATION,
        ),
        lines(
            "First token",
            "From the headers to the first streamed byte, 99th percentile.",
            neutral.FIRST_TOKEN_P99,
            "p99 {{model}}",
            links=(TO_MODEL,),
        ),
        lines(
            "Between tokens",
            "The gap that a reader of the stream sees, 99th percentile.",
            neutral.INTER_TOKEN_P99,
            "p99 {{model}}",
            links=(TO_MODEL,),
        ),
        lines(
            "Interactive requests",
            "Good answers of the interactive class alone, 99th percentile.",
            neutral_levels.INTERACTIVE_P99,
            "p99 {{model}}",
            steps=rising(critical=levels.interactive_p99_seconds),
            empty="no request is of the interactive class",
            links=(TO_MODEL,),
        ),
    )
