"""Hold PromQL text against the catalogue: its series, labels, buckets and kinds."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

import promql_parser as promql

from exporters.catalog import ROOMS, Counter, Histogram, Signal
from exporters.catalog.signal import Selector, format_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTER_FUNCTIONS = frozenset({"rate", "irate", "increase", "resets"})
GAUGE_FUNCTIONS = frozenset({"delta", "deriv", "idelta", "predict_linear"})
MACROS = re.compile(
    r"\$(__rate_interval|__interval|__range|window)\b|\$\{(__rate_interval|__interval|__range)\}"
)

Labels = frozenset[str] | None
"""The labels an expression's series may carry; None where nothing is known."""


def problems(query: str) -> list[str]:
    """Everything wrong with a query, one line each; Grafana's interval macros may stand in it."""
    try:
        expr = promql.parse(MACROS.sub("5m", query))
    except ValueError as error:
        return [f"not PromQL: {error}"]
    found: list[str] = []
    _Walk(found, resets_are_left_out="unless resets(" in query).labels(expr)
    return found


def labels_of(query: str) -> Labels:
    """The labels that a query's result carries."""
    return _Walk([]).labels(promql.parse(query))


def series_read(query: str) -> set[str]:
    """The names of every series a query reads."""
    return {
        node.name
        for node in _nodes(promql.parse(MACROS.sub("5m", query)))
        if isinstance(node, promql.VectorSelector) and node.name
    }


def _nodes(expr: promql.Expr) -> Iterator[promql.Expr]:
    seen: list[promql.Expr] = []
    promql.walk(expr, pre_visit=seen.append)
    for node in seen:
        yield node
        if isinstance(node, promql.MatrixSelector):
            yield node.vector_selector


def _catalogue() -> dict[str, tuple[Signal, Selector]]:
    return {
        selector.series: (signal, selector)
        for signals in ROOMS.values()
        for signal in signals
        for selector in signal.selectors()
    }


SERIES = _catalogue()


class _Walk:
    """One pass over a syntax tree that notes problems and tells each node's labels."""

    def __init__(self, found: list[str], *, resets_are_left_out: bool = False) -> None:
        self.found = found
        self.gauges_alone = GAUGE_FUNCTIONS - ({"delta"} if resets_are_left_out else set())

    def labels(self, node: promql.Expr) -> Labels:
        match node:
            case promql.VectorSelector():
                return self._selector(node)
            case promql.MatrixSelector():
                return self._selector(node.vector_selector)
            case promql.Call():
                return self._call(node)
            case promql.AggregateExpr():
                return self._aggregate(node)
            case promql.BinaryExpr():
                return self._binary(node)
            case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
                return self.labels(node.expr)
        return frozenset()

    def _selector(self, node: promql.VectorSelector) -> Labels:
        if not node.name:
            self.found.append(f"{node} names no series")
            return None
        if node.name not in SERIES:
            near = get_close_matches(node.name, SERIES, n=1)
            self.found.append(
                f"unknown series {node.name}" + (f"; did you mean {near[0]}?" if near else "")
            )
            return None
        signal, selector = SERIES[node.name]
        for matcher in node.matchers.matchers:
            self._known(matcher.name, selector.labels, node.name)
            if matcher.name == "le" and isinstance(signal, Histogram):
                self._bound(matcher, signal)
        return selector.labels

    def _bound(self, matcher: promql.Matcher, signal: Histogram) -> None:
        bounds = [format_bound(bound) for bound in (*signal.buckets, float("inf"))]
        if matcher.op == promql.MatchOp.Equal and matcher.value not in bounds:
            self.found.append(f"{signal.name} has no bucket le={matcher.value!r}")

    def _known(self, label: str, labels: Labels, where: str) -> None:
        if labels is not None and label not in labels:
            has = ", ".join(sorted(labels)) or "none"
            self.found.append(f"{where} has no label {label!r}; it has {has}")

    def _call(self, node: promql.Call) -> Labels:
        name = node.func.name
        carried = [self.labels(argument) for argument in node.args]
        if name in COUNTER_FUNCTIONS | GAUGE_FUNCTIONS:
            self._rate(name, node.args[0])
        if name == "histogram_quantile":
            labels = carried[1]
            if labels is not None and "le" not in labels:
                self.found.append(f"histogram_quantile of {_short(node.args[1])} without le")
            return labels - {"le"} if labels is not None else None
        if name in ("label_replace", "label_join"):
            return carried[0] | {node.args[1].val} if carried[0] is not None else None
        if name == "absent":
            return _equal_matchers(node.args[0])
        vectors = [
            labels
            for argument, labels in zip(node.args, carried, strict=True)
            if not isinstance(argument, promql.NumberLiteral | promql.StringLiteral)
        ]
        return vectors[0] if vectors else frozenset()

    def _rate(self, function: str, argument: promql.Expr) -> None:
        if not isinstance(argument, promql.MatrixSelector):
            return
        series = argument.vector_selector.name
        if series not in SERIES:
            return
        signal = SERIES[series][0]
        is_counter = isinstance(signal, Counter | Histogram)
        if function in COUNTER_FUNCTIONS and not is_counter:
            self.found.append(f"{function}() of {series}, which is a {signal.type}")
        if function in self.gauges_alone and is_counter:
            self.found.append(f"{function}() of {series}, which only grows; use increase()")

    def _aggregate(self, node: promql.AggregateExpr) -> Labels:
        inner = self.labels(node.expr)
        if str(node.op) in ("topk", "bottomk"):
            return inner
        if node.modifier is None:
            return frozenset()
        named = frozenset(node.modifier.labels)
        for label in sorted(named):
            self._known(label, inner, _short(node.expr))
        if node.modifier.type == promql.AggModifierType.By:
            return named
        return inner - named if inner is not None else None

    def _binary(self, node: promql.BinaryExpr) -> Labels:
        left, right = self.labels(node.lhs), self.labels(node.rhs)
        modifier = node.modifier
        if modifier is not None and modifier.matching is not None:
            for label in modifier.matching.labels:
                self._known(label, left, _short(node.lhs))
                self._known(label, right, _short(node.rhs))
        if left is None or right is None:
            return None
        if str(node.op) == "or":
            return left | right
        if modifier is not None and modifier.group_labels:
            return left | frozenset(modifier.group_labels)
        if isinstance(node.lhs, promql.NumberLiteral):
            return right
        return left


def _equal_matchers(node: promql.Expr) -> Labels:
    if not isinstance(node, promql.VectorSelector):
        return frozenset()
    return frozenset(
        matcher.name for matcher in node.matchers.matchers if matcher.op == promql.MatchOp.Equal
    )


def _short(node: promql.Expr) -> str:
    text = " ".join(node.prettify().split())
    return text if len(text) <= 60 else text[:57] + "..."
