"""Runbooks: one page for every alert, made from what the alert itself knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporters.catalog.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.model import Alert

MADE_BY = "<!-- Made by `busysignal rules`; change alerts/rules, not this file. -->\n\n"
WHO = {
    "page": "Pages at once: users feel it, or will within minutes.",
    "warning": "Tells the team during the day, and stands silent behind a page.",
    "ticket": "Becomes a ticket: it can wait until tomorrow, not until next week.",
    "info": "Tells nobody.",
}


def texts(alerts: Sequence[Alert]) -> dict[str, str]:
    """Every page's text by its file name, and the index."""
    pages = {f"{alert.name}.md": MADE_BY + _page(alert) for alert in alerts}
    return {"README.md": MADE_BY + _index(alerts), **pages}


def _page(alert: Alert) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(alert.first, 1))
    parts = [
        f"# {alert.name}\n\n{alert.summary} {WHO[alert.severity]}",
        f"## What it means\n\n{alert.means}",
        f"## First steps\n\n{steps}",
        f"## Queries that paste\n\nThe curve behind it:\n\n{_code(_anywhere(alert.query))}",
        f"The rule (`for: {alert.hold}`):\n\n{_code(alert.expr)}",
    ]
    if alert.kinds:
        parts.append(f"## Causes to think of\n\n{_causes(alert.kinds)}")
    return "\n\n".join(parts) + "\n"


def _anywhere(query: str) -> str:
    """The query without the one page's labels, so that it shows every curve."""
    kept = re.sub(r',?\w+="\{\{[^}]*\}\}"', "", query)
    return kept.replace("{,", "{").replace("{}", "")


def _code(query: str) -> str:
    return f"```promql\n{query}\n```"


def _causes(kinds: Sequence[str]) -> str:
    rows = [f"| `{name}` | {KINDS[name].means} | {KINDS[name].remedy} |" for name in kinds]
    return "\n".join(["| cause | what it is | what to do |", "|---|---|---|", *rows])


def _index(alerts: Sequence[Alert]) -> str:
    rows = [
        f"| [{alert.name}]({alert.name}.md) | {alert.severity} | {alert.summary} |"
        for alert in alerts
    ]
    head = "# Runbooks\n\nOne page for every alert.\n\n| alert | severity | says |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"
