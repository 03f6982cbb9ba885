"""What a rule file is made of: recordings, alerts, groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.thresholds import Level
    from exporters.catalog.boards import Board
    from exporters.catalog.signal import Recorded

Severity = Literal["page", "warning", "ticket", "info"]


@dataclass(frozen=True)
class Recording:
    """One recording rule: the neutral signal it fills and the query that fills it."""

    signal: Recorded
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Shape of a rule file's entry."""
        entry: dict[str, Any] = {"record": self.signal.name, "expr": self.expr}
        if self.labels:
            entry["labels"] = dict(self.labels)
        return entry


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert, and all that its page and its runbook need; its words stand in `alerts.messages`.

    `hold` is the rule's `for`, already scaled; `query` is what to paste to see the curve; `values`
    fill the places of its words; `level` is where it begins, if that can be set while everything
    runs; `kinds` are causes to think of, by name.
    """

    name: str
    severity: Severity
    expr: str
    hold: str
    query: str
    board: Board
    variables: Mapping[str, str] = field(default_factory=dict)
    keep_firing: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    level: Level | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated in order, at the server's interval unless told."""

    name: str
    rules: tuple[Recording, ...] | tuple[Alert, ...]
    interval: str | None = None
