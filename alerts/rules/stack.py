"""Alerts on the watcher itself: missing data, failing rules, and the heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Alert
from exporters.catalog import boards, foreign, neutral, stack

if TYPE_CHECKING:
    from alerts.config import RulesSection
    from exporters.catalog.signal import Selector

SERVING = "gateway|replica"
SUPPORTING = "gpu|probe|node|watch|forecast|prometheus|alertmanager"
TARGET = '{{ $labels.job }} {{ or $labels.replica $labels.instance "(all of them)" }}'


def alerts(section: RulesSection) -> tuple[Alert, ...]:
    """Missing data first, then the stack's own errors, then the heartbeat."""
    return (
        _target(section),
        _exporter(section),
        _signal(section),
        _growing(
            section, foreign.RULE_FAILURES.total, name="RuleFailures",
            summary="Rules fail to evaluate.", what="rule group {{ $labels.rule_group }} fails",
            first="Read the rule's error on Prometheus' /rules page.",
        ),
        _growing(
            section, foreign.NOTIFICATIONS_FAILED.total, name="NotificationsFailing",
            summary="Alerts do not reach their receivers.",
            what="{{ $labels.integration }} refuses alerts",
            first="Read Alertmanager's log; try the receiver's address with curl.",
        ),
        _growing(
            section, stack.TELEMETRY_DROPPED.total, name="TelemetryDropped",
            summary="Spans or logs are lost.",
            what="{{ $labels.kind }} lost ({{ $labels.reason }})",
            first="Bring Elasticsearch back; the spool keeps what fits meanwhile.",
        ),
        _backlog(section),
        _watchdog(),
    )  # fmt: skip


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
        summary="Data is missing: a part of the service does not answer its scrapes.",
        description=f"No data from {TARGET} of {{{{ $labels.service }}}}: "
        "it is down, or only its metrics are.",
        query=signal.where(job="{{ $labels.job }}", service="{{ $labels.service }}"),
        board=boards.SERVICE,
        variables={"service": "{{$labels.service}}"},
        means="Prometheus gets nothing from it. The part may serve well or not at all: "
        "nobody knows until the data is back.",
        first=("`curl -sS http://INSTANCE/metrics | head`", "See whether requests still succeed."),
        kinds=("telemetry_gap", "out_of_memory", "network_delay"),
    )


def _exporter(section: RulesSection) -> Alert:
    signal = neutral.TARGET_UP.value
    return Alert(
        name="ExporterDown",
        severity="warning",
        expr=f"{signal.matching(job=SUPPORTING)} == 0",
        hold=section.scale.wait("10m"),
        summary="A source of data does not answer its scrapes.",
        description=f"No data from {TARGET}.",
        query=signal.where(job="{{ $labels.job }}"),
        board=boards.SERVICE,
        means="The service is not touched, but a verdict will lack this source.",
        first=("`curl -sS http://INSTANCE/metrics | head`", "Restart the exporter."),
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
        summary="A signal that alerts read has no series.",
        description="{{ $labels.signal }} is missing although its targets answer; "
        "the alerts that read it are blind.",
        query=signal.where(signal="{{ $labels.signal }}"),
        board=boards.SERVICE,
        means="An exporter or engine stopped writing a metric, or renamed it.",
        first=("Look at the target's /metrics.", "Fix the alias in exporters/catalog/engines.py."),
        kinds=("telemetry_gap",),
    )


def _growing(
    section: RulesSection, total: Selector, *, name: str, summary: str, what: str, first: str
) -> Alert:
    return Alert(
        name=name,
        severity="warning",
        expr=f"increase({total}[{section.scale.window('5m')}]) > 0",
        # One burst is a loss already, and by the end of its window nothing would be left to see.
        hold="0s",
        keep_firing=section.scale.wait("5m"),
        summary=summary,
        description=f"{{{{ $labels.instance }}}}: {what}, {{{{ $value | humanize }}}} lately.",
        query=total.where(instance="{{ $labels.instance }}"),
        board=boards.SERVICE,
        means="Part of the watching does not work, so silence proves nothing.",
        first=(first,),
        kinds=("telemetry_gap",),
    )


def _backlog(section: RulesSection) -> Alert:
    signal = stack.VERDICT_BACKLOG.value
    limit = section.thresholds.verdict_backlog
    return Alert(
        name="VerdictBacklog",
        severity="warning",
        expr=f"{signal} > {limit}",
        hold=section.scale.wait("5m"),
        summary="Alerts wait for their verdicts.",
        description=f"{{{{ $value | humanize }}}} alert groups wait at {{{{ $labels.instance }}}}; "
        f"{limit} is the limit.",
        query=signal.where(instance="{{ $labels.instance }}"),
        board=boards.SERVICE,
        means="`busysignal watch` cannot keep up, mostly because a source answers slowly.",
        first=("`busysignal doctor` says which source is slow or away.",),
        kinds=("telemetry_gap",),
    )


def _watchdog() -> Alert:
    return Alert(
        name="Watchdog",
        severity="info",
        expr="vector(1)",
        hold="0s",
        summary="The alerting works: this alert always fires.",
        description="When it stops, rules, Prometheus or Alertmanager are broken.",
        query="vector(1)",
        board=boards.SERVICE,
        means="A heartbeat for a dead-man receiver, which pages when it is not heard.",
        first=("Nothing to do while it fires.",),
    )
