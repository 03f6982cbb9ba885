"""Runbooks: one page for every alert in every language, made from what the alert knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alerts.messages import LANGUAGES, message
from alerts.messages.words import kind, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.messages import Language
    from alerts.model import Alert

MADE_BY = "<!-- Made by `busysignal rules`; change alerts/rules and alerts/messages. -->\n\n"
FOLDERS: dict[Language, str] = {"en": "", "zh": "zh/"}


def texts(alerts: Sequence[Alert]) -> dict[str, str]:
    """Every page's text by its file name, and the index, each language in its own folder."""
    made = {}
    for language in LANGUAGES:
        made[path("README", language)] = MADE_BY + _index(alerts, language)
        for alert in alerts:
            made[path(alert.name, language)] = MADE_BY + _page(alert, language)
    return made


def path(name: str, language: Language) -> str:
    """Where a page lies below the folder of the runbooks."""
    return f"{FOLDERS[language]}{name}.md"


def _page(alert: Alert, language: Language) -> str:
    fixed, said = words("runbooks", language), message(alert, language)
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(said.first, 1))
    rule = f"{fixed['rule']} (`for: {alert.hold}`){fixed['after']}"
    parts = [
        f"# {alert.name}",
        fixed["other"].format(file=f"{alert.name}.md"),
        f"{said.summary}{fixed['between']}{fixed[alert.severity]}",
        f"## {fixed['means']}\n\n{said.means}",
        f"## {fixed['first']}\n\n{steps}",
        f"## {fixed['queries']}\n\n{fixed['curve']}\n\n{_code(_anywhere(alert.query))}",
        f"{rule}\n\n{_code(alert.expr)}",
    ]
    if alert.kinds:
        parts.append(f"## {fixed['causes']}\n\n{_causes(alert.kinds, language)}")
    return "\n\n".join(parts) + "\n"


def _anywhere(query: str) -> str:
    """The query without the one page's labels, so that it shows every curve."""
    kept = re.sub(r',?\w+="\{\{[^}]*\}\}"', "", query)
    return kept.replace("{,", "{").replace("{}", "")


def _code(query: str) -> str:
    return f"```promql\n{query}\n```"


def _causes(kinds: Sequence[str], language: Language) -> str:
    fixed = words("runbooks", language)
    told = (kind(name, language) for name in kinds)
    rows = [f"| `{one.name}` | {one.means} | {one.remedy} |" for one in told]
    return "\n".join([_row(fixed["cause"], fixed["what"], fixed["do"]), *rows])


def _index(alerts: Sequence[Alert], language: Language) -> str:
    fixed = words("runbooks", language)
    rows = [
        f"| [{alert.name}]({alert.name}.md) | {alert.severity} | "
        f"{message(alert, language).summary} |"
        for alert in alerts
    ]
    table = [_row(fixed["alert"], fixed["severity"], fixed["says"]), *rows]
    other = fixed["other"].format(file="README.md")
    return f"# {fixed['index']}\n\n{other}\n\n{fixed['index_head']}\n\n" + "\n".join(table) + "\n"


def _row(*headings: str) -> str:
    return f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}"
