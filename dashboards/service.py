"""Service overview: what users feel, what the service does about it, and which part is to blame."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.levels import BURN_WINDOWS, budgets, burning
from dashboards.panels import (
    PLAIN,
    Dashboard,
    Panel,
    Query,
    Row,
    Stat,
    StateTimeline,
    Step,
    TimeSeries,
    Value,
    Variable,
    falling,
    rising,
)
from dashboards.scope import SERVICE, of, or_no_traffic
from dashboards.service_flow import latency, traffic
from dashboards.service_parts import dependencies, replicas
from exporters.catalog import Recorded, boards, neutral, requests, stack
from exporters.catalog.foreign import ALERTS


def board(rules: RulesSection) -> Dashboard:
    """Build the service overview, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return Dashboard(
        board=boards.SERVICE,
        about="One service, from what its users feel down to its replicas.",
        variables=_variables(),
        marks=(marks.RESTARTS, marks.ALERTS, marks.VERDICTS),
        rows=(
            Row("Now", _now(levels)),
            Row("What wakes people", _incidents(rules)),
            Row("Traffic", traffic(levels)),
            Row("Latency", latency(levels)),
            Row("Replicas", replicas(levels)),
            Row("Dependencies and prompts", dependencies(levels)),
        ),
    )


def _variables() -> tuple[Variable, ...]:
    arrivals = neutral.STARTED_RATE.value
    models = arrivals.where(service=SERVICE)
    phases = neutral.PHASE_MEAN.value.where(service=SERVICE)
    return (
        Variable(name="service", label="Service", query=f"label_values({arrivals}, service)"),
        Variable(name="model", label="Model", query=f"label_values({models}, model)", several=True),
        Variable(
            name="replica",
            label="Replica",
            query=f"label_values({phases}, replica)",
            several=True,
            hidden=True,
        ),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    arrivals = f"sum by (service) ({of(neutral.STARTED_RATE.value)})"
    waiting = f"sum by (service) ({of(neutral.QUEUE_DEPTH.value)})"
    return (
        Stat(
            title="Arrivals",
            about="Requests that arrive each second, over all chosen models.",
            signals=(neutral.STARTED_RATE,),
            queries=(Query(or_no_traffic(arrivals), "arrivals"),),
            width=3,
        ),
        Stat(
            title="Success share",
            about="Requests answered in full; those whose client left are not counted.",
            signals=(neutral.OUTCOME_RATE,),
            queries=(Query(or_no_traffic(_success_share()), "ok"),),
            unit="ratio",
            steps=falling(levels.success_share),
            width=3,
            decimals=2,
        ),
        Stat(
            title="5xx share",
            about="Answers with a status of 500 or above, over all models.",
            signals=(neutral.ERROR_SHARE,),
            queries=(Query(or_no_traffic(of(neutral.ERROR_SHARE.value)), "5xx"),),
            steps=rising(critical=levels.error_share),
            width=3,
            decimals=2,
        ),
        _slowest("Duration P99", neutral.DURATION_P99, rising(critical=levels.p99_seconds)),
        _slowest("First token P99", neutral.FIRST_TOKEN_P99, PLAIN),
        Stat(
            title="Queue depth",
            about="Requests waiting, at the gateway and in its replicas together.",
            signals=(neutral.QUEUE_DEPTH,),
            queries=(Query(waiting, "waiting"),),
            steps=rising(levels.queue_warning, levels.queue_critical),
            width=3,
        ),
        Stat(
            title="Open verdict",
            about="The cause named for the open incident, and where; none while all is well.",
            signals=(stack.VERDICT_INFO,),
            queries=(Query(marks.OPEN_VERDICTS, "{{cause}} · {{entity}}"),),
            values=(Value(1, "open", "red"),),
            empty="no open incident",
            show="name",
            width=6,
        ),
    )


def _slowest(title: str, signal: Recorded, steps: tuple[Step, ...]) -> Stat:
    worst = f"max by (service) ({of(signal.value)})"
    return Stat(
        title=title,
        about="The slowest of the chosen models.",
        signals=(signal,),
        queries=(Query(or_no_traffic(worst), "p99"),),
        steps=steps,
        width=3,
    )


def _success_share() -> str:
    counted = "|".join(outcome for outcome in requests.OUTCOMES if outcome != "client_gone")
    outcomes = of(neutral.OUTCOME_RATE.value)
    total = f"sum by (service) ({outcomes.matching(outcome=counted)})"
    good = f"sum by (service) ({outcomes.where(outcome='ok')})"
    return f"({good} or 0 * {total}) / {total}"


def _incidents(rules: RulesSection) -> tuple[Panel, ...]:
    return (
        _burn_rate(rules),
        StateTimeline(
            title="Alerts firing",
            about="Alerts of this service and of the parts below it; the watchdog is left out.",
            signals=(ALERTS,),
            queries=(Query(marks.FIRING, "{{alertname}} {{severity}}"),),
            values=(Value(1, "firing", "red"),),
            empty="nothing fires",
            width=8,
        ),
        StateTimeline(
            title="Verdicts",
            about="The cause at rank 1 of each open incident.",
            signals=(stack.VERDICT_INFO,),
            queries=(Query(marks.OPEN_VERDICTS, "{{cause}} · {{entity}}"),),
            values=(Value(1, "open", "purple"),),
            empty="no open incident",
            width=8,
        ),
    )


def _burn_rate(rules: RulesSection) -> TimeSeries:
    windows = {window: neutral.SLO_ERRORS[window] for window in BURN_WINDOWS}
    return TimeSeries(
        title="SLO burn rate",
        about="How many times too fast the error budget is spent; at 1 it just lasts.",
        signals=tuple(windows.values()),
        queries=tuple(
            Query(
                f"{signal.value.where(service=SERVICE, slo=slo)} / {budget}",
                f"{slo} over {window}",
            )
            for slo, budget in budgets(rules).items()
            for window, signal in windows.items()
        ),
        unit="1",
        steps=burning(),
    )
