"""What a benchmark found: figures over all cases and each case by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks._rounds import table
from exporters.errors import UsageError

Case = Mapping[str, Any]
"""One case: its `id`, and whatever was measured of it, in snake case."""


class NoLayoutError(UsageError):
    """Nothing below the folder looks like the benchmark's data."""


@dataclass(frozen=True)
class Result:
    """`summary` holds the figures over all cases; `columns` picks what a table shows of each."""

    benchmark: str
    summary: Mapping[str, Any]
    cases: Sequence[Case]
    columns: tuple[str, ...] = ("id",)
    notes: Sequence[str] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """The document that `--json` writes."""
        return {
            "benchmark": self.benchmark,
            "summary": {"cases": len(self.cases), **self.summary},
            "cases": list(self.cases),
        }

    def as_text(self) -> str:
        """A Markdown table of the cases, then the summary, then the notes."""
        rows = [tuple(_cell(case.get(name)) for name in self.columns) for case in self.cases]
        figures = [f"{name}: {_cell(value)}" for name, value in self.as_dict()["summary"].items()]
        return "\n".join([table(self.columns, rows), "", *figures, *self.notes])


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return str(value)
