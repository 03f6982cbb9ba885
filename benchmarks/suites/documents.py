"""Committed results read back: figures and tables of a page in docs/benchmarks, or of a JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from exporters.errors import UsageError

BARS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "petshop": {"top_1": (0.80, 0.86), "top_3": (0.95, 0.97)},
    "nezha": {"as_1": (0.87, 0.933), "as_3": (0.97, 0.978), "ais_1": (0.80, 0.87)},
    "incidents": {"top_1": (0.80, 0.90), "top_3": (0.95, 0.98)},
    "loghub": {"grouping_accuracy": (0.90, 0.95), "lines_per_second": (50_000, 50_000)},
    "nab": {"standard": (70.0, 74.9)},
}
"""By benchmark and figure: what must be reached, and what is aimed at."""


@dataclass(frozen=True)
class Document:
    """One result: where from, when and at which commit, its figures, and its tables in order.

    `figures` holds numbers by their name; two numbers where the page gives an interval.
    """

    name: str
    measured: str
    figures: Mapping[str, tuple[float, ...]]
    tables: Sequence[pl.DataFrame]

    def against_bars(self) -> Iterator[tuple[str, float, float, float]]:
        """(figure, measured, bar, aim) for each figure that has a bar."""
        for figure, (bar, aim) in BARS.get(self.name, {}).items():
            if figure in self.figures:
                yield figure, self.figures[figure][0], bar, aim


def read(path: Path) -> Document:
    """A page (`.md`) or what `busysignal bench --json` wrote.

    Raises UsageError when it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return _of_json(text) if path.suffix == ".json" else _of_page(path.stem, text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{str(path)!r} holds no benchmark result: {error}; name a page of docs/benchmarks, "
            "or what `busysignal bench --json` wrote"
        ) from None


def read_all(folder: Path) -> list[Document]:
    """All pages of a folder, by name."""
    return [read(path) for path in sorted(folder.glob("*.md"))]


def _of_json(text: str) -> Document:
    found = json.loads(text)
    figures = {
        name: values for name, value in found["summary"].items() if (values := _numbers(value))
    }
    cases = pl.DataFrame(found["cases"], infer_schema_length=None) if found["cases"] else None
    return Document(found["benchmark"], "", figures, [] if cases is None else [cases])


def _of_page(name: str, text: str) -> Document:
    figures: dict[str, tuple[float, ...]] = {}
    for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            key, _, value = line.partition(":")
            if numbers := _numbers(value):
                figures[key.strip()] = numbers
    measured = re.search(r"Measured at[^\n]*", text)
    return Document(name, measured[0] if measured else "", figures, list(_tables(text)))


def _numbers(value: object) -> tuple[float, ...]:
    """The numbers in a value, () where it is anything else."""
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    try:
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return ()


def _tables(text: str) -> Iterator[pl.DataFrame]:
    """Every Markdown table, all columns as text."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if len(rows) > 2 and all(set(cell) <= set("-: ") for cell in rows[1]):
            head = [name or f"column {place}" for place, name in enumerate(rows[0])]
            body = [row[: len(head)] + [""] * (len(head) - len(row)) for row in rows[2:]]
            yield pl.DataFrame(
                body, schema=[_unique(head, i) for i in range(len(head))], orient="row"
            )
        rows = []


def _unique(head: Sequence[str], place: int) -> str:
    earlier = head[:place].count(head[place])
    return f"{head[place]} {earlier + 1}" if earlier else head[place]
