"""Service overview: what users feel, what the service does about it, and which part is to blame."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.boards.service_flow import latency, traffic
from dashboards.boards.service_parts import dependencies, replicas
from dashboards.levels import BURN_WINDOW, burn_rate, burning, objectives
from dashboards.panels import (
    PLAIN,
    Dashboard,
    Link,
    Panel,
    Query,
    Row,
    Stat,
    Step,
    TimeSeries,
    Value,
    falling,
    rising,
)
from dashboards.scope import (
    SERVICE,
    choose,
    incidents,
    of,
    or_no_traffic,
    service_variable,
    stat,
    whole,
)
from exporters.catalog import Recorded, boards, neutral, requests, stack


def board(rules: RulesSection) -> Dashboard:
    """Build the service overview, coloured by the alerts' own levels."""
    levels = rules.thresholds
    models = neutral.STARTED_RATE.value.where(service=SERVICE)
    return whole(
        boards.SERVICE,
        "One service, from what its users feel down to its replicas.",
        (service_variable(), choose("model", "Model", models)),
        Row("Now", _now(levels)),
        Row("What wakes people", (_burn_rate(rules), *incidents(marks.FIRING))),
        Row("Traffic", traffic(levels)),
        Row("Latency", latency(levels)),
        Row("Replicas", replicas(levels)),
        Row("Dependencies and prompts", dependencies(levels)),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    arrivals = f"sum by (service) ({of(neutral.STARTED_RATE.value)})"
    waiting = f"sum by (service) ({of(neutral.QUEUE_DEPTH.value)})"
    return (
        stat("Arrivals", "Requests that arrive each second, over all chosen models.",
             neutral.STARTED_RATE, or_no_traffic(arrivals)),
        stat("Success share", "Requests answered in full; those whose client left do not count.",
             neutral.OUTCOME_RATE, or_no_traffic(_success_share()), unit="ratio",
             steps=falling(levels.success_share), decimals=2),
        stat("5xx share", "Answers with a status of 500 or above, over all models.",
             neutral.ERROR_SHARE, or_no_traffic(of(neutral.ERROR_SHARE.value)),
             steps=rising(critical=levels.error_share), decimals=2),
        _slowest("Duration P99", neutral.DURATION_P99, rising(critical=levels.p99_seconds)),
        _slowest("First token P99", neutral.FIRST_TOKEN_P99, PLAIN),
        stat("Queue depth", "Requests waiting, at the gateway and in its replicas together.",
             neutral.QUEUE_DEPTH, waiting,
             steps=rising(levels.queue_warning, levels.queue_critical)),
        Stat(
            title="Open verdict",
            about="The cause named for the open incident, and where; none while all is well.",
            signals=(stack.VERDICT_INFO,),
            queries=(Query(marks.OPEN_VERDICTS, "{{cause}} {{entity}}"),),
            values=(Value(1, "open", "red"),),
            empty="no open incident",
            show="name",
            width=6,
        ),
    )  # fmt: skip


def _slowest(title: str, signal: Recorded, steps: tuple[Step, ...]) -> Stat:
    worst = f"max by (service) ({of(signal.value)})"
    return stat(title, "The slowest of the chosen models.", signal, or_no_traffic(worst),
                steps=steps)  # fmt: skip


def _success_share() -> str:
    counted = "|".join(outcome for outcome in requests.OUTCOMES if outcome != "client_gone")
    outcomes = of(neutral.OUTCOME_RATE.value)
    total = f"sum by (service) ({outcomes.matching(outcome=counted)})"
    good = f"sum by (service) ({outcomes.where(outcome='ok')})"
    return f"({good} or 0 * {total}) / {total}"


def _burn_rate(rules: RulesSection) -> TimeSeries:
    errors = neutral.SLO_ERRORS[BURN_WINDOW]
    return TimeSeries(
        title="SLO burn rate",
        about="How many times too fast each error budget is spent, over the last hour; at 1 it "
        "just lasts.",
        signals=(errors,),
        queries=tuple(
            Query(burn_rate(one, errors.value.where(service=SERVICE, slo=one.slo)), one.slo)
            for one in objectives(rules)
        ),
        unit="1",
        steps=burning(),
        links=(Link("Service levels and budget", boards.SLO, keeps=("service",)),),
    )
