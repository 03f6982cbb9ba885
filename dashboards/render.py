"""Every file that this room renders: the dashboards and Grafana's provisioning files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.config import RulesSection
from dashboards import grafana, provisioning
from dashboards.boards import (
    cost,
    endpoints,
    fleet,
    gpu,
    incidents,
    latency,
    logs,
    machines,
    model,
    probe,
    replica,
    saturation,
    service,
    slo,
    stack_health,
)
from dashboards.check import check
from dashboards.config import DashboardsSection, Prices
from dashboards.log_fields import FIELDS, Shape
from dashboards.panels import Dashboard
from dashboards.provisioning import COMMAND
from dashboards.words import translated
from exporters.generated import Generated


def boards(rules: RulesSection, prices: Prices, shape: Shape = "otel") -> tuple[Dashboard, ...]:
    """Every dashboard, with the alerts' levels drawn in, and logs looked for in this shape."""
    return (
        fleet.board(rules),
        service.board(rules),
        model.board(rules),
        replica.board(rules),
        gpu.board(rules),
        slo.board(rules),
        saturation.board(rules),
        latency.board(rules),
        probe.board(rules),
        machines.board(rules),
        cost.board(rules, prices),
        incidents.board(rules),
        endpoints.board(rules),
        stack_health.board(rules),
        logs.board(rules, FIELDS[shape]),
    )


def documents(section: DashboardsSection, rules: RulesSection) -> dict[str, dict[str, Any]]:
    """Grafana's JSON model of every dashboard, by uid, in the section's languages.

    A single language has the plain uids, which alerts link to; beside English, Chinese has its own.
    Raises UsageError for a panel that asks for what does not exist, or lacks a word.
    """
    english = boards(rules, section.prices, section.logs_shape)
    for board in english:
        check(board)
    sets: list[tuple[str, tuple[Dashboard, ...]]] = []
    if section.language != "zh":
        sets.append(("", english))
    if section.language != "en":
        suffix = "-zh" if section.language == "both" else ""
        sets.append((suffix, tuple(map(translated, english))))
    return {
        board.board.uid + suffix: grafana.document(
            board, refresh=section.refresh, time_range=section.time_range, suffix=suffix
        )
        for suffix, made in sets
        for board in made
    }


def files(section: DashboardsSection, rules: RulesSection) -> dict[str, str]:
    """Text of every file that is rendered, by its path below the output folder."""
    made = documents(section, rules)
    texts = {f"{uid}.json": grafana.text(document) for uid, document in made.items()}
    return texts | provisioning.files(section, rules, made)


def generated(section: DashboardsSection, rules: RulesSection, out: Path) -> Generated:
    """All files, for the folder `out`."""
    return Generated(out, files(section, rules), COMMAND)
