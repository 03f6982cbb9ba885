"""The fleet: every service in one row, and where to look first."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards import marks
from dashboards.levels import BURN_WINDOW, burn_rate, burning, objectives
from dashboards.panels import (
    Column,
    Dashboard,
    Link,
    Panel,
    Row,
    Stat,
    Table,
    TimeSeries,
    falling,
    rising,
)
from dashboards.scope import drawn, incidents, stat, whole
from exporters.catalog import (
    Recorded,
    boards,
    foreign,
    neutral,
    neutral_gpu,
    neutral_parts,
    requests,
)
from exporters.catalog import stack as stack_signals

TO_SERVICE = Link("Service overview", boards.SERVICE, sets={"service": "${__field.labels.service}"})
BY = "by (service)"


def board(rules: RulesSection) -> Dashboard:
    """Build the overview, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return whole(
        boards.FLEET,
        "All services and GPUs: is anything wrong, and where?",
        (),
        Row("Now", _now()),
        Row("Services", (_services(rules),)),
        Row("What wakes people", incidents(marks.FIRING_ANYWHERE, width=12)),
        Row("Over time", _over_time(levels)),
    )


def _now() -> tuple[Panel, ...]:
    up, missing = neutral.GPU_UP, neutral_gpu.GPUS_MISSING
    return (
        _sum("Arrivals", "Requests that arrive each second, over all services.",
             neutral.STARTED_RATE),
        _sum("Waiting", "Requests waiting, over all services.", neutral.QUEUE_DEPTH),
        _sum("Tokens generated", "What all engines put out together.",
             neutral.GENERATED_TOKEN_RATE),
        stat("Alerts firing now", "Alerts that fire, the watchdog left out.", foreign.ALERTS,
             f"count({marks.FIRING_ANYWHERE})", steps=rising(critical=1), empty="none"),
        stat("Open incidents", "Incidents whose cause has been looked for.",
             stack_signals.VERDICT_INFO, f"count({marks.OPEN_VERDICTS})",
             steps=rising(critical=1), empty="none"),
        stat("GPUs answering", "Devices that answer their driver.", up, f"sum({up.value})",
             unit="1"),
        stat("GPUs missing", "Devices there should be and are not.", missing,
             f"sum({missing.value})", steps=rising(critical=1)),
        stat("Targets down", "Parts of services and of this stack that cannot be scraped.",
             neutral.TARGET_UP, f"count({neutral.TARGET_UP.value} == 0)", unit="1",
             steps=rising(critical=1), empty="none"),
    )  # fmt: skip


def _sum(title: str, about: str, signal: Recorded) -> Stat:
    return stat(title, about, signal, f"sum({signal.value})")


def _services(rules: RulesSection) -> Table:
    levels, burn = rules.thresholds, neutral.SLO_ERRORS[BURN_WINDOW]
    spent = " or ".join(burn_rate(one, burn.value.where(slo=one.slo)) for one in objectives(rules))
    return Table(
        title="Services",
        about="One row a service; follow its name for what lies behind it.",
        keys={"service": "Service"},
        height=6,
        columns=(
            _column("Arrivals", neutral.STARTED_RATE, "sum"),
            Column(title="Success share", signal=neutral.OUTCOME_RATE, expr=success_share(),
                   unit="ratio", steps=falling(levels.success_share), decimals=2),
            _column("5xx share", neutral.ERROR_SHARE, "max",
                    steps=rising(critical=levels.error_share)),
            _column("Duration P99", neutral.DURATION_P99, "max",
                    steps=rising(critical=levels.p99_seconds)),
            _column("First token P99", neutral.FIRST_TOKEN_P99, "max"),
            _column("Waiting", neutral.QUEUE_DEPTH, "sum",
                    steps=rising(levels.queue_warning, levels.queue_critical)),
            _column("KV cache", neutral.KV_CACHE_USAGE, "max",
                    steps=rising(critical=levels.kv_cache)),
            Column(title="Burn rate over 1h", signal=burn, expr=f"max {BY} ({spent})", unit="1",
                   steps=burning(), decimals=1),
            _column("GPUs", neutral_parts.SERVICE_GPUS, "max"),
            _column("GPUs busy", neutral_parts.SERVICE_UTILIZATION, "max"),
        ),
        links=(Link("Service overview", boards.SERVICE, sets={"service": "${__value.raw}"}),),
    )  # fmt: skip


def _column(title: str, signal: Recorded, aggregate: str, **more: Any) -> Column:
    return Column(title=title, signal=signal, expr=f"{aggregate} {BY} ({signal.value})", **more)


def success_share() -> str:
    """Requests answered in full over those whose client stayed, by service."""
    counted = "|".join(outcome for outcome in requests.OUTCOMES if outcome != "client_gone")
    outcomes = neutral.OUTCOME_RATE.value
    total = f"sum {BY} ({outcomes.matching(outcome=counted)})"
    good = f"sum {BY} ({outcomes.where(outcome='ok')})"
    return f"({good} or 0 * {total}) / {total}"


def _over_time(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _by_service("Arrivals by service", "Demand.", neutral.STARTED_RATE, "sum"),
        drawn("Success share by service", "Requests answered in full.", neutral.OUTCOME_RATE,
              success_share(), "{{service}}", unit="ratio", minimum=None, maximum=1,
              steps=falling(levels.success_share), links=(TO_SERVICE,)),
        _by_service("Duration P99 by service", "The slowest model of each.",
                    neutral.DURATION_P99, "max", steps=rising(critical=levels.p99_seconds)),
        _by_service("Waiting by service", "At the gateway and in its replicas.",
                    neutral.QUEUE_DEPTH, "sum",
                    steps=rising(levels.queue_warning, levels.queue_critical)),
        _by_service("Tokens generated by service", "What its engines put out.",
                    neutral.GENERATED_TOKEN_RATE, "sum"),
        _by_service("GPUs busy by service", "Mean over its GPUs.",
                    neutral_parts.SERVICE_UTILIZATION, "max", maximum=1,
                    steps=rising(critical=levels.gpu_busy)),
    )  # fmt: skip


def _by_service(
    title: str, about: str, signal: Recorded, aggregate: str, **more: Any
) -> TimeSeries:
    expr = f"{aggregate} {BY} ({signal.value})"
    return drawn(title, about, signal, expr, "{{service}}", links=(TO_SERVICE,), **more)
