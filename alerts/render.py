"""Every file that this room renders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts import (
    alertmanager_config,
    messages,
    prometheus_config,
    prometheus_rule,
    recording,
    rules,
    runbooks,
    yamltext,
)
from alerts.model import Alert
from exporters.generated import Generated

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from alerts.config import RulesSection
    from alerts.model import Group

COMMAND = "busysignal rules"
AS_RESOURCES = f"{COMMAND} --format prometheusrule"
MONITORING = ("prometheus", "alertmanager")
"""Jobs whose address the example knows; every other one has a file of targets."""

JOBS_BY_FILE = tuple(job for job in prometheus_config.JOBS if job not in MONITORING)


def texts(section: RulesSection) -> dict[str, str]:
    """Every file's text by its name."""
    alert_groups = rules.groups(section)
    recorded = recording.groups(section, rules.alerts_in(alert_groups))
    return {
        "recording.yml": _rule_file(section, recorded),
        "alerts.yml": _rule_file(section, alert_groups),
        **alertmanager_texts(section),
        "prometheus.yml": _example(section),
    }


def alertmanager_texts(section: RulesSection) -> dict[str, str]:
    """Alertmanager's config, and the templates of what it sends."""
    return {
        "alertmanager.yml": alertmanager_config.render(section),
        alertmanager_config.FILE: alertmanager_config.templates(),
    }


def resource_texts(section: RulesSection) -> dict[str, str]:
    """The rule files as PrometheusRule resources, by their file names."""
    alert_groups = rules.groups(section)
    recorded = recording.groups(section, rules.alerts_in(alert_groups))
    return {
        f"{name}.yaml": prometheus_rule.render(
            name, [_group(section, group) for group in groups], made_by=AS_RESOURCES
        )
        for name, groups in (
            ("busysignal-recording", recorded),
            ("busysignal-alerts", alert_groups),
        )
    }


def runbook_texts(section: RulesSection) -> dict[str, str]:
    """Every runbook's text by its file name."""
    return runbooks.texts(rules.alerts_in(rules.groups(section)))


def generated(section: RulesSection, out: Path) -> Generated:
    """Rules, routes and scrapes, for the folder `out`."""
    return Generated(out, texts(section), COMMAND)


def resources(section: RulesSection, out: Path) -> Generated:
    """The rules as PrometheusRule resources, for the folder `out`."""
    return Generated(out, resource_texts(section), AS_RESOURCES)


def runbook_pages(section: RulesSection, out: Path) -> Generated:
    """A page for every alert, and their index, for the folder `out`."""
    return Generated(out, runbook_texts(section), COMMAND)


def alertmanager(section: RulesSection, out: Path) -> Generated:
    """Alertmanager's config and its templates alone, for the folder `out`."""
    return Generated(out, alertmanager_texts(section), "busysignal alertmanager", alone=False)


def _rule_file(section: RulesSection, groups: Iterable[Group]) -> str:
    return yamltext.write({"groups": [_group(section, g) for g in groups]}, made_by=COMMAND)


def _group(section: RulesSection, group: Group) -> dict[str, Any]:
    document: dict[str, Any] = {"name": group.name}
    if group.interval:
        document["interval"] = group.interval
    document["rules"] = [
        _alert(section, rule) if isinstance(rule, Alert) else rule.document()
        for rule in group.rules
    ]
    return document


def _alert(section: RulesSection, alert: Alert) -> dict[str, Any]:
    document: dict[str, Any] = {"alert": alert.name, "expr": alert.expr, "for": alert.hold}
    if alert.keep_firing:
        document["keep_firing_for"] = alert.keep_firing
    board = alert.board.path(**alert.variables)
    document["labels"] = {"severity": alert.severity}
    document["annotations"] = {
        **messages.as_annotations(alert, section.language),
        **_runbook(section, alert.name),
        "dashboard_url": section.dashboard_base_url.rstrip("/") + board,
        "query": str(alert.query),
    }
    return document


def _runbook(section: RulesSection, name: str) -> dict[str, str]:
    base = section.runbook_base_url.rstrip("/")
    if section.language != "both":
        return {"runbook_url": f"{base}/{runbooks.path(name, section.language)}"}
    return {
        "runbook_url": f"{base}/{runbooks.path(name, 'en')}",
        "runbook_url_zh": f"{base}/{runbooks.path(name, 'zh')}",
    }


def _example(section: RulesSection) -> str:
    return prometheus_config.render(
        section,
        targets=(
            prometheus_config.Target("prometheus", "localhost:9090"),
            prometheus_config.Target("alertmanager", "localhost:9093"),
        ),
        target_files={job: (f"targets/{job}.yml",) for job in JOBS_BY_FILE},
        alertmanagers=("localhost:9093",),
    )
