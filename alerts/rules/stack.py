"""Alerts on the watcher itself: missing data, failing rules, and the heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from alerts.rules.subject import ENGINE, WATCHER
from exporters.catalog import boards, foreign, neutral, stack

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from exporters.catalog.signal import Selector

SERVING = "gateway|replica"
SINGLE_POINTS = "etcd|config|prometheus"
"""What everything else stands on: the metadata store, the configuration, the monitoring itself."""
SUPPORTING = "gpu|probe|node|watch|forecast|bridge|kafka|alertmanager"


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Missing data first, then the stack's own errors, then the heartbeat."""
    return (
        _target(section),
        _exporter(section),
        _signal(section),
        _growing(section, "RuleFailures", foreign.RULE_FAILURES.total),
        _growing(section, "NotificationsFailing", foreign.NOTIFICATIONS_FAILED.total),
        _growing(section, "TelemetryDropped", stack.TELEMETRY_DROPPED.total),
        _growing(section, "NotificationsDropped", foreign.NOTIFICATIONS_DROPPED.total),
        _growing(section, "MeasuringErrors", stack.METRICS_ERRORS.total),
        _engine_signal(section),
        _single_point(section),
        _backlog(section),
        _watchdog(),
    )


def _target(section: RulesSection) -> Alert:
    signal = neutral.TARGET_UP.value
    serving = signal.matching(job=SERVING)
    back = section.scale.window("6h")
    return Alert(
        name="TargetDown",
        severity="page",
        expr=(
            f"{serving} == 0\nor\n"
            f"0 * (\n  max by (job, service) (max_over_time({serving}[{back}]))\n  unless\n"
            f"  max by (job, service) ({serving})\n)"
        ),
        hold=section.scale.wait("5m"),
        query=signal.where(job="{{ $labels.job }}", service="{{ $labels.service }}"),
        board=boards.SERVICE,
        variables={"service": "{{$labels.service}}"},
        kinds=("telemetry_gap", "out_of_memory", "network_delay"),
    )


def _exporter(section: RulesSection) -> Alert:
    signal = neutral.TARGET_UP.value
    return Alert(
        name="ExporterDown",
        severity="warning",
        expr=f"{signal.matching(job=SUPPORTING)} == 0",
        hold=section.scale.wait("10m"),
        query=signal.where(job="{{ $labels.job }}"),
        board=boards.STACK,
        kinds=("telemetry_gap",),
    )


def _signal(section: RulesSection) -> Alert:
    signal = neutral.SIGNAL_MISSING.value
    return Alert(
        name="SignalMissing",
        severity="warning",
        expr=f"{signal} == 1",
        # Long enough for a part that has just started to bring its first data.
        hold=section.scale.wait("15m"),
        query=signal.where(signal="{{ $labels.signal }}"),
        board=boards.STACK,
        kinds=("telemetry_gap",),
    )


def _growing(section: RulesSection, name: str, total: Selector) -> Alert:
    return Alert(
        name=name,
        severity="warning",
        expr=f"increase({total}[{section.scale.window('5m')}]) > 0",
        # One burst is a loss already, and by the end of its window nothing would be left to see.
        hold="0s",
        keep_firing=section.scale.wait("5m"),
        query=total.where(instance="{{ $labels.instance }}"),
        board=boards.STACK,
        kinds=("telemetry_gap",),
    )


def _backlog(section: RulesSection) -> Alert:
    return WATCHER.over(
        section, stack.VERDICT_BACKLOG.value, "verdict_backlog", name="VerdictBacklog",
        severity="warning", hold="5m", kinds=("telemetry_gap",),
    )  # fmt: skip


def _engine_signal(section: RulesSection) -> Alert:
    return ENGINE.alert(
        section, neutral.ENGINE_SIGNAL_MISSING.value, "== 1",
        name="EngineSignalMissing", severity="warning", hold="15m", kinds=("telemetry_gap",),
    )  # fmt: skip


def _single_point(section: RulesSection) -> Alert:
    signal = neutral.TARGET_UP.value.matching(job=SINGLE_POINTS)
    back = section.scale.window("6h")
    return WATCHER.alert(
        section, signal,
        f"== 0\nor\n0 * (max_over_time({signal}[{back}]) unless {signal})",
        name="SinglePointDown", severity="page", hold="1m", keep="2m",
        kinds=("storage_slow", "network_delay"),
    )  # fmt: skip


def _watchdog() -> Alert:
    return Alert(
        name="Watchdog",
        severity="info",
        expr="vector(1)",
        hold="0s",
        query="vector(1)",
        board=boards.SERVICE,
    )
