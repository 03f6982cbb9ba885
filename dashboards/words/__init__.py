"""What dashboards say, in Chinese: TOML tables from the English words that stand in the code.

`signals.toml` tells by name what signals mean; a signal without an entry is told in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from dashboards.panels import (
    Column,
    Dashboard,
    Link,
    Mark,
    Panel,
    Row,
    Table,
    Value,
    Variable,
)
from exporters.errors import UsageError

FOLDER = Path(__file__).parent
SIGNALS = FOLDER / "signals.toml"


@cache
def chinese() -> dict[str, str]:
    """Every English text with the Chinese one that stands for it."""
    table: dict[str, str] = {}
    for path in sorted(set(FOLDER.glob("*.toml")) - {SIGNALS}):
        table |= _read(path)
    return table


@cache
def meanings() -> dict[str, str]:
    """What signals mean, by name, in Chinese."""
    return _read(SIGNALS)


def _read(path: Path) -> dict[str, str]:
    return dict(tomllib.loads(path.read_text(encoding="utf-8")))


def said(text: str) -> str:
    """Say it in Chinese. Raises UsageError, one line, for a text that the table lacks."""
    if text and text not in chinese():
        raise UsageError(f"no Chinese for {text!r}; add it to a table in {FOLDER.name}/")
    return chinese()[text] if text else text


def translated(dashboard: Dashboard) -> Dashboard:
    """The same dashboard in Chinese; legends are labels of series and stay as they are."""
    return replace(
        dashboard,
        title=said(dashboard.name),
        about=said(dashboard.about),
        sources=(said(dashboard.sources[0]), said(dashboard.sources[1])),
        variables=tuple(map(_variable, dashboard.variables)),
        marks=tuple(map(_mark, dashboard.marks)),
        rows=tuple(Row(said(row.title), tuple(map(_panel, row.panels))) for row in dashboard.rows),
    )


def _variable(variable: Variable) -> Variable:
    return replace(variable, label=said(variable.label))


def _mark(mark: Mark) -> Mark:
    return replace(mark, name=said(mark.name))


def _panel(panel: Panel) -> Panel:
    words: dict[str, Any] = {
        "title": said(panel.title),
        "about": said(panel.about),
        "empty": said(panel.empty),
        "silent": said(panel.silent),
        "values": tuple(map(_value, panel.values)),
        "links": tuple(map(_link, panel.links)),
        "helps": meanings(),
    }
    if not isinstance(panel, Table):
        return replace(panel, **words)
    keys = {label: said(heading) for label, heading in panel.keys.items()}
    return replace(panel, **words, keys=keys, columns=tuple(map(_column, panel.columns)))


def _value(value: Value) -> Value:
    return replace(value, text=said(value.text))


def _link(link: Link) -> Link:
    return replace(link, title=said(link.title))


def _column(column: Column) -> Column:
    return replace(column, title=said(column.title), values=tuple(map(_value, column.values)))


def texts(dashboard: Dashboard) -> Iterator[str]:
    """Every text of a dashboard that people read, in English."""
    yield from (dashboard.name, dashboard.about, *dashboard.sources)
    yield from (variable.label for variable in dashboard.variables)
    yield from (mark.name for mark in dashboard.marks)
    yield from (row.title for row in dashboard.rows)
    for panel in dashboard.panels:
        yield from (panel.title, panel.about, panel.empty, panel.silent)
        yield from (value.text for value in panel.values)
        yield from (link.title for link in panel.links)
        if isinstance(panel, Table):
            yield from panel.keys.values()
            for column in panel.columns:
                yield from (column.title, *(value.text for value in column.values))
