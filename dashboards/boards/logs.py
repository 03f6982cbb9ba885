"""Logs by template: which statement writes how much, and the lines themselves."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection
from dashboards.panels import Dashboard, LogQuery, Logs, Panel, Row, Table, TimeSeries, Variable
from dashboards.scope import whole
from exporters.catalog import boards

SERVICE = "resource.attributes.service.name"
TEMPLATE = "attributes.message_template.text"
SEVERITY = "severity_text"
EXCEPTION = "attributes.exception.type"
LOGGER = "scope.name"
CHOSEN = f"{SERVICE}:$part AND _exists_:{SEVERITY}"
TROUBLE = f"{CHOSEN} AND severity_number:>=13"
"""Warnings and worse, by OpenTelemetry's numbers."""
COLORS = {
    "DEBUG": "text", "INFO": "green", "WARNING": "orange", "ERROR": "red", "CRITICAL": "dark-red",
}  # fmt: skip
NO_LINES = "no lines"


def board(rules: RulesSection) -> Dashboard:
    """Build the board of logs, which asks Elasticsearch."""
    del rules  # no alert reads logs
    return whole(
        boards.LOGS,
        "What is said, how often, and by whom.",
        (_part(),),
        Row("How much is said", _counts()),
        Row("By template", _templates()),
        Row("Trouble", _trouble()),
        Row("Lines", (_lines("Newest lines", "All of the chosen parts.", CHOSEN),)),
    )


def _part() -> Variable:
    query = f'{{"find": "terms", "field": "{SERVICE}"}}'
    return Variable(name="part", label="Part", query=query, several=True, of_logs=True)


def _bars(title: str, about: str, query: LogQuery, **more: Any) -> TimeSeries:
    fields: dict[str, Any] = {"style": "stacked bars", "unit": "1", "empty": NO_LINES, "width": 12}
    return TimeSeries(title=title, about=about, signals=(), queries=(query,), **(fields | more))


def _counts() -> tuple[Panel, ...]:
    return (
        _bars("Lines by severity", f"Counted by `{SEVERITY}`.", LogQuery(CHOSEN, SEVERITY),
              colors=COLORS),
        _bars("Lines by part", f"Counted by `{SERVICE}`.", LogQuery(CHOSEN, SERVICE)),
    )  # fmt: skip


def _templates() -> tuple[Panel, ...]:
    return (
        _bars("Lines by template", f"The ten most frequent values of `{TEMPLATE}`: what the code "
              "says before its values are put in.", LogQuery(CHOSEN, TEMPLATE)),
        Table(
            title="Templates",
            about=f"The fifty most frequent values of `{TEMPLATE}`.",
            signals=(),
            queries=(LogQuery(CHOSEN, TEMPLATE, most=50),),
            keys={TEMPLATE: "Template", "Count": "Lines"},
            columns=(),
            unit="1",
            empty=NO_LINES,
            width=12,
        ),
    )  # fmt: skip


def _trouble() -> tuple[Panel, ...]:
    return (
        _bars("Warnings and errors by template", f"Severity 13 and above, by `{TEMPLATE}`.",
              LogQuery(TROUBLE, TEMPLATE), empty="none"),
        _bars("Exceptions by type", f"Counted by `{EXCEPTION}`.",
              LogQuery(f"{CHOSEN} AND _exists_:{EXCEPTION}", EXCEPTION), empty="none"),
        _lines("Newest warnings and errors", "A line leads to its trace.", TROUBLE),
    )  # fmt: skip


def _lines(title: str, about: str, lucene: str) -> Logs:
    return Logs(title=title, about=about, signals=(), queries=(LogQuery(lucene),), empty=NO_LINES)
