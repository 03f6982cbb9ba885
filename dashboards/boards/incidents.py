"""Alerts and verdicts: what fired when, what was found to be the cause, who was told."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.panels import (
    Column,
    Dashboard,
    Link,
    Panel,
    Query,
    Row,
    StateTimeline,
    Table,
    Value,
    rising,
)
from dashboards.scope import SERVICE, drawn, incidents, service_variable, stat, whole
from exporters.catalog import boards, foreign, levels, neutral_parts, stack

PENDING = foreign.ALERTS.value.where(alertstate="pending").matching(service=marks.OF_SERVICE)


def board(rules: RulesSection) -> Dashboard:
    """Build the timeline of alerts and verdicts."""
    return whole(
        boards.INCIDENTS,
        "What fires, what is about to, what the cause is, and who was told.",
        (service_variable(),),
        Row("Now", _now(rules.thresholds)),
        Row("Timeline", (*incidents(marks.FIRING, width=24, height=7), *_before())),
        Row("Open now", _open()),
        Row("What became of alerts", _became()),
        Row("Where alerts begin elsewhere", (_levels(),)),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        stat("Pages firing", "Alerts that wake people.", foreign.ALERTS,
             f'count({marks.firing("page", marks.OF_SERVICE)})', steps=rising(critical=1), width=6,
             empty="none"),
        stat("Other alerts firing", "Warnings and tickets.", foreign.ALERTS,
             f'count({marks.firing("warning|ticket|info", marks.OF_SERVICE)})',
             steps=rising(warning=1), width=6, empty="none"),
        stat("Open verdicts", "Incidents that are being explained.", stack.VERDICT_INFO,
             f"count({marks.OPEN_VERDICTS})", steps=rising(critical=1), width=6, empty="none"),
        stat("Waiting for a verdict", "Alert groups that analysis has not come to yet.",
             stack.VERDICT_BACKLOG, f"max({stack.VERDICT_BACKLOG.value})", width=6,
             steps=rising(critical=levels.verdict_backlog)),
    )  # fmt: skip


def _before() -> tuple[Panel, ...]:
    version = neutral_parts.VERSION
    running = version.value.where(service=SERVICE)
    return (
        StateTimeline(
            title="Alerts pending",
            about="Conditions that hold and have not held long enough to tell anyone.",
            signals=(foreign.ALERTS,),
            queries=(Query(f"max by (alertname, severity) ({PENDING})",
                           "{{alertname}} {{severity}}"),),
            values=(Value(1, "pending", "orange"),),
            empty="nothing pends",
            height=10,
        ),
        StateTimeline(
            title="Versions running",
            about="A lane that begins is a deploy.",
            signals=(version,),
            queries=(Query(f"group by (version) ({running})", "{{version}}"),),
            values=(Value(1, "runs", "blue"),),
            empty="no replica tells its version",
            height=10,
        ),
    )  # fmt: skip


def _open() -> tuple[Panel, ...]:
    return (
        Table(
            title="Alerts firing, by name",
            about="What fires now, and how many series of it.",
            keys={"alertname": "Alert", "severity": "Severity"},
            columns=(
                Column(
                    title="Series",
                    signal=foreign.ALERTS,
                    expr=marks.FIRING.replace("max by", "count by", 1),
                ),
            ),
            empty="nothing fires",
            width=12,
        ),
        Table(
            title="Causes named",
            about="The cause at rank 1 of each open incident; the page has the evidence.",
            keys={"cause": "Cause", "entity": "Where", "incident": "Incident"},
            columns=(
                Column(
                    title="State",
                    signal=stack.VERDICT_INFO,
                    expr=marks.OPEN_VERDICTS,
                    values=(Value(1, "open", "purple"),),
                ),
            ),
            links=(Link("Service overview", boards.SERVICE, keeps=("service",)),),
            empty="no open incident",
            width=12,
        ),
    )


def _became() -> tuple[Panel, ...]:
    took = stack.VERDICT_DURATION
    buckets = f"sum by (le) (rate({took.bucket}[$__rate_interval]))"
    return (
        drawn("Alert groups received", "By what became of them.", stack.ALERTS_RECEIVED,
              f"sum by (result) (increase({stack.ALERTS_RECEIVED.total}[$__rate_interval]))",
              "{{result}}", style="bars", width=6),
        drawn("Verdicts given", "Named, abstained, or nothing wrong.", stack.VERDICTS,
              f"sum by (result) (increase({stack.VERDICTS.total}[$__rate_interval]))",
              "{{result}}", style="bars", width=6),
        drawn("Time to the verdict", "90th percentile, from the alert on.", took,
              f"histogram_quantile(0.9, {buckets})", "p90", width=6, empty="no verdict yet"),
        drawn("Pages sent", "With their cause; failed ones went out without.", stack.PAGES,
              f"sum by (result) (increase({stack.PAGES.total}[$__rate_interval]))",
              "{{result}}", style="bars", width=6),
    )  # fmt: skip


def _levels() -> Table:
    chosen = levels.THRESHOLD_SET
    return Table(
        title="Levels that were set",
        about="Alerts that begin elsewhere for someone; panels draw the level of all others.",
        keys={"alert": "Alert", "entity": "For whom"},
        columns=(Column(title="Level", signal=chosen, expr=str(chosen.value)),),
        empty="every alert begins where the panels draw it",
        height=6,
    )
