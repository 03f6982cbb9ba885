"""The part of PromQL that verdicts use, worked out over series held in memory.

Selectors with label matchers, `sum max min avg count group` with `by`, arithmetic with `on` and
`group_left`, numbers and brackets. Anything else is refused by name: no query is half answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import promql_parser as promql
from numpy.typing import NDArray

from exporters.errors import UsageError

Floats = NDArray[np.float64]
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, Floats]
Select = Callable[[str, Callable[[Mapping[str, str]], bool]], Vector]

ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide,
}  # fmt: skip
REDUCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "sum": lambda rows: np.nansum(rows, axis=0),
    "max": lambda rows: np.nanmax(rows, axis=0),
    "min": lambda rows: np.nanmin(rows, axis=0),
    "avg": lambda rows: np.nanmean(rows, axis=0),
    "count": lambda rows: np.isfinite(rows).sum(axis=0).astype(np.float64),
    "group": lambda rows: np.ones(rows.shape[1]),
}


@dataclass(frozen=True)
class Evaluator:
    """Answers queries over whatever `select` hands out; NaN is no sample."""

    select: Select

    def query(self, text: str) -> Vector:
        """All series of the answer; raises UsageError for what this does not speak."""
        try:
            return self._vector(promql.parse(text))
        except ValueError as error:
            raise UsageError(f"{text!r} is no PromQL: {error}; correct the query") from None

    def _vector(self, node: Any) -> Vector:
        if isinstance(node, promql.ParenExpr):
            return self._vector(node.expr)
        if isinstance(node, promql.VectorSelector):
            return self.select(node.name or "", _matches(node))
        if isinstance(node, promql.AggregateExpr):
            return self._aggregate(node)
        if isinstance(node, promql.BinaryExpr):
            return self._binary(node)
        raise UsageError(f"{type(node).__name__} is not evaluated on files; ask a Prometheus")

    def _aggregate(self, node: Any) -> Vector:
        name, by = str(node.op).split(" ", 1)[0], _labels(node.modifier)
        if name not in REDUCTIONS or (node.modifier and not _is_by(node.modifier)):
            raise UsageError(f"{node.op} is not evaluated on files; ask a Prometheus")
        groups: dict[Labels, list[Floats]] = {}
        for labels, values in self._vector(node.expr).items():
            groups.setdefault(_only(labels, by), []).append(values)
        return {labels: _reduce(name, rows) for labels, rows in groups.items()}

    def _binary(self, node: Any) -> Vector:
        operation = ARITHMETIC.get(str(node.op))
        if operation is None:
            raise UsageError(f"{node.op} is not evaluated on files; ask a Prometheus")
        left, right = node.lhs, node.rhs
        with np.errstate(divide="ignore", invalid="ignore"):
            if isinstance(left, promql.NumberLiteral):
                number = np.asarray(left.val, dtype=np.float64)
                return {k: operation(number, v) for k, v in self._vector(right).items()}
            if isinstance(right, promql.NumberLiteral):
                number = np.asarray(right.val, dtype=np.float64)
                return {k: operation(v, number) for k, v in self._vector(left).items()}
            return self._matched(node, operation)

    def _matched(self, node: Any, operation: Callable[[Floats, Floats], Floats]) -> Vector:
        matching = node.modifier.matching if node.modifier else None
        on = _labels(matching) if matching else None
        many = "ManyToOne" in str(node.modifier.card) if node.modifier else False
        partners = {_only(labels, on): v for labels, v in self._vector(node.rhs).items()}
        return {
            (_named(labels) if many or on is None else _only(labels, on)): operation(
                values, partners[_only(labels, on)]
            )
            for labels, values in self._vector(node.lhs).items()
            if _only(labels, on) in partners
        }


def _reduce(name: str, rows: list[Floats]) -> Floats:
    table = np.vstack(rows)
    known = np.isfinite(table).any(axis=0)
    found = np.full(table.shape[1], np.nan)
    if known.any():
        found[known] = REDUCTIONS[name](table[:, known])
    return found


def _labels(modifier: Any) -> frozenset[str]:
    return frozenset(modifier.labels) if modifier else frozenset()


def _is_by(modifier: Any) -> bool:
    return "by" in str(modifier.type).lower()


def _named(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "__name__")


def _only(labels: Labels, names: frozenset[str] | None) -> Labels:
    if names is None:
        return _named(labels)
    return frozenset(pair for pair in labels if pair[0] in names and pair[1])


def _matches(node: Any) -> Callable[[Mapping[str, str]], bool]:
    """As Prometheus: a label that is not there is empty, patterns are anchored."""
    tests = [
        (one.name, str(one.op).rpartition(".")[2], one.value) for one in node.matchers.matchers
    ]

    def match(labels: Mapping[str, str]) -> bool:
        return all(_holds(labels.get(name, ""), how, value) for name, how, value in tests)

    return match


def _holds(value: str, how: str, wanted: str) -> bool:
    if how in ("Equal", "NotEqual"):
        return (value == wanted) is (how == "Equal")
    return (re.fullmatch(wanted, value) is not None) is (how == "Re")
