"""Stack health: whether what watches the service is itself whole, fresh and heard."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards.panels import Dashboard, Panel, Query, Row, StateTimeline, Value, rising
from dashboards.scope import drawn, stat, whole
from exporters.catalog import (
    Counter,
    boards,
    forecast,
    neutral,
    neutral_hardware,
    neutral_stack,
    stack,
)


def board(rules: RulesSection) -> Dashboard:
    """Build the board of the stack itself, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return whole(
        boards.STACK,
        "Can what the other dashboards say be trusted?",
        (),
        Row("Now", _now(levels)),
        Row("What is scraped", _scraped(levels)),
        Row("What is missing", _missing()),
        Row("Spans and logs", _telemetry()),
        Row("Rules, alerts and verdicts", _rules(levels)),
        Row("Forecast", _forecast(levels)),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    up = neutral.TARGET_UP
    lost = _rate(stack.TELEMETRY_DROPPED)
    return (
        stat("Targets up", "Those whose last scrape worked.", up, f"avg({up.value})",
             unit="ratio", width=4, decimals=0),
        stat("Signals missing", "Neutral signals that nobody writes although they should.",
             neutral.SIGNAL_MISSING, f"count({neutral.SIGNAL_MISSING.value})", unit="1",
             steps=rising(critical=1), width=4, empty="none"),
        stat("Engine names missing", "Signals of known engines that are gone: renamed?",
             neutral.ENGINE_SIGNAL_MISSING, f"count({neutral.ENGINE_SIGNAL_MISSING.value})",
             unit="1", steps=rising(critical=1), width=4, empty="none"),
        stat("Rules failing", "Evaluations that failed, of late.", neutral_stack.RULE_FAILURES,
             f"sum({neutral_stack.RULE_FAILURES.value})", steps=rising(critical=0.5), width=4),
        stat("Telemetry lost", "Spans and logs dropped each second.", stack.TELEMETRY_DROPPED,
             f"sum({lost})", unit="events/second", steps=rising(critical=0.001), width=4,
             empty="none"),
        stat("Verdicts waiting", "Alert groups that analysis has not come to yet.",
             stack.VERDICT_BACKLOG, f"max({stack.VERDICT_BACKLOG.value})", width=4,
             steps=rising(critical=levels.verdict_backlog)),
    )  # fmt: skip


def _rate(counter: Counter) -> str:
    return f"rate({counter.total}[$__rate_interval])"


def _counted(title: str, about: str, counter: Counter, by: str, **more: Any) -> Panel:
    more.setdefault("unit", "events/second")
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", ")) if by else "all"
    expr = f"sum by ({by}) ({_rate(counter)})" if by else f"sum({_rate(counter)})"
    return drawn(title, about, counter, expr, legend, **more)


def _scraped(levels: Thresholds) -> tuple[Panel, ...]:
    up = neutral.TARGET_UP
    return (
        StateTimeline(
            title="Targets",
            about="Whether each part of services and stack answered its last scrape.",
            signals=(up,),
            queries=(Query(f"min by (job, replica, instance) ({up.value})",
                           "{{job}} {{replica}} {{instance}}"),),
            values=(Value(0, "down", "red"), Value(1, "up", "green")),
        ),
        drawn("Time of a scrape", "Near the scrape's timeout, points will be missing.",
              neutral_stack.SCRAPE_SECONDS, neutral_stack.SCRAPE_SECONDS.value,
              "{{job}} {{instance}}", width=6),
        drawn("Age of GPU readings", "It grows while a call into the driver hangs.",
              neutral_hardware.READINGS_AGE, neutral_hardware.READINGS_AGE.value,
              "{{instance}} gpu {{gpu}}", width=6, empty="no GPU exporter",
              steps=rising(critical=levels.gpu_readings_stale_seconds)),
    )  # fmt: skip


def _missing() -> tuple[Panel, ...]:
    gone = (Value(1, "missing", "red"),)
    return (
        StateTimeline(
            title="Signals that nobody writes",
            about="Alerts and dashboards that read one of these are blind.",
            signals=(neutral.SIGNAL_MISSING,),
            queries=(Query(neutral.SIGNAL_MISSING.value, "{{signal}}"),),
            values=gone,
            empty="all are there",
        ),
        StateTimeline(
            title="Engine signals that are gone",
            about="A replica shows some of an engine's names and lacks these.",
            signals=(neutral.ENGINE_SIGNAL_MISSING,),
            queries=(Query(neutral.ENGINE_SIGNAL_MISSING.value,
                           "{{replica}} {{engine}} {{signal}}"),),
            values=gone,
            empty="all are there",
        ),
    )  # fmt: skip


def _telemetry() -> tuple[Panel, ...]:
    spooled = stack.TELEMETRY_SPOOLED
    return (
        _counted("Spans and logs written", "That the store acknowledged.",
                 stack.TELEMETRY_WRITTEN, "kind"),
        _counted("Spans and logs lost", "By why; each one is evidence that a verdict lacks.",
                 stack.TELEMETRY_DROPPED, "kind, reason", style="bars", empty="none"),
        drawn("Waiting on disk", "What the store could not take yet.", spooled,
              f"sum by (job, replica) ({spooled.value})", "{{job}} {{replica}}"),
        _counted("Spans sampled out", "Left out; those kept in their stead carry the weight.",
                 stack.TELEMETRY_SAMPLED_OUT, "", empty="no tail sampling"),
        _counted("Errors inside measuring code", "Kept from the request, and a bug of this stack.",
                 stack.METRICS_ERRORS, "job", style="bars", empty="none"),
        drawn("Worker processes", "Of services that count together.", stack.WORKERS,
              f"sum by (job, replica) ({stack.WORKERS.value})", "{{job}} {{replica}}",
              empty="no service has workers"),
    )  # fmt: skip


def _rules(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        drawn("Rule evaluations failed", "A failing rule is an alert that cannot fire.",
              neutral_stack.RULE_FAILURES, neutral_stack.RULE_FAILURES.value, "{{rule_group}}",
              style="bars"),
        drawn("Notifications lost", "Between Prometheus, Alertmanager and people.",
              neutral_stack.NOTIFICATIONS_LOST, neutral_stack.NOTIFICATIONS_LOST.value, "{{job}}",
              style="bars"),
        drawn("Backlog of verdicts", "It grows when alerts come faster than analysis.",
              stack.VERDICT_BACKLOG, stack.VERDICT_BACKLOG.value, "{{instance}}",
              steps=rising(critical=levels.verdict_backlog)),
    )  # fmt: skip


def _forecast(levels: Thresholds) -> tuple[Panel, ...]:
    none = "no forecast runs"
    return (
        drawn("Age of the forecast", "An old one warns of nothing.", forecast.MADE,
              f"time() - {forecast.MADE.value}", "{{instance}}", unit="seconds", empty=none,
              steps=rising(critical=levels.forecast_stale_seconds)),
        drawn("Loads learnt", "Whether the history suffices for a forecast.", forecast.LEARNT,
              forecast.LEARNT.value, "{{service}} {{load}}", empty=none, maximum=1),
        _counted("Forecasts that failed", "Turns without a forecast.", forecast.ERRORS, "",
                 style="bars", empty=none),
    )  # fmt: skip
