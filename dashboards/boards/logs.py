"""Logs by template: which statement writes how much, and the lines themselves."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection
from dashboards.log_fields import LogFields
from dashboards.panels import Dashboard, LogQuery, Logs, Panel, Row, Table, TimeSeries, Variable
from dashboards.scope import whole
from exporters.catalog import boards

WARNING = 13
"""Warnings and worse begin here, by OpenTelemetry's numbers."""
COLORS = {
    "DEBUG": "text", "INFO": "green", "WARNING": "orange", "ERROR": "red", "CRITICAL": "dark-red",
}  # fmt: skip
NO_LINES = "no lines"


def board(rules: RulesSection, fields: LogFields) -> Dashboard:
    """Build the board of logs, which asks Elasticsearch for documents with these fields."""
    del rules  # no alert reads logs
    chosen = f"{fields.service}:$part AND _exists_:{fields.severity}"
    trouble = f"{chosen} AND {fields.number}:>={WARNING}"
    return whole(
        boards.LOGS,
        "What is said, how often, and by whom.",
        (_part(fields),),
        Row("How much is said", _counts(fields, chosen)),
        Row("By template", _templates(fields, chosen)),
        Row("Trouble", _trouble(fields, chosen, trouble)),
        Row("Lines", (_lines("Newest lines", "All of the chosen parts.", chosen),)),
    )


def _part(fields: LogFields) -> Variable:
    query = f'{{"find": "terms", "field": "{fields.service}"}}'
    return Variable(name="part", label="Part", query=query, several=True, of_logs=True)


def _bars(title: str, about: str, query: LogQuery, **more: Any) -> TimeSeries:
    shown: dict[str, Any] = {"style": "stacked bars", "unit": "1", "empty": NO_LINES, "width": 12}
    return TimeSeries(title=title, about=about, signals=(), queries=(query,), **(shown | more))


def _counts(fields: LogFields, chosen: str) -> tuple[Panel, ...]:
    return (
        _bars("Lines by severity", "How grave what is said is.",
              LogQuery(chosen, fields.severity), colors=COLORS),
        _bars("Lines by part", "Who says how much.", LogQuery(chosen, fields.service)),
    )  # fmt: skip


def _templates(fields: LogFields, chosen: str) -> tuple[Panel, ...]:
    return (
        _bars("Lines by template", "The ten most frequent statements: what the code says before "
              "its values are put in.", LogQuery(chosen, fields.template)),
        Table(
            title="Templates",
            about="The fifty most frequent statements.",
            signals=(),
            queries=(LogQuery(chosen, fields.template, most=50),),
            keys={fields.template: "Template", "Count": "Lines"},
            columns=(),
            unit="1",
            empty=NO_LINES,
            width=12,
        ),
    )  # fmt: skip


def _trouble(fields: LogFields, chosen: str, trouble: str) -> tuple[Panel, ...]:
    raised = LogQuery(f"{chosen} AND _exists_:{fields.exception}", fields.exception)
    return (
        _bars("Warnings and errors by template", "Statements of severity 13 and above.",
              LogQuery(trouble, fields.template), empty="none"),
        _bars("Exceptions by type", "What was raised and logged.", raised, empty="none"),
        _lines("Newest warnings and errors", "A line leads to its trace.", trouble),
    )  # fmt: skip


def _lines(title: str, about: str, lucene: str) -> Logs:
    return Logs(title=title, about=about, signals=(), queries=(LogQuery(lucene),), empty=NO_LINES)
