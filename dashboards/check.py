"""What is wrong with a dashboard, found before Grafana would show an empty panel for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

import promql_parser as promql

from dashboards.panels import Dashboard, Panel, Query
from dashboards.queries import substitute
from dashboards.units import grafana_unit
from exporters.catalog import ROOMS
from exporters.errors import UsageError

SERIES = frozenset(
    selector.series
    for signals in ROOMS.values()
    for signal in signals
    for selector in signal.selectors()
)
MACROS = frozenset({"__rate_interval", "__interval", "__range", "__range_s"})


def check(dashboard: Dashboard) -> None:
    """Raise UsageError, one line, for the first thing that is wrong."""
    for name, times in Counter(panel.title for panel in dashboard.panels).items():
        if times > 1:
            raise UsageError(
                f"{dashboard.name}: {times} panels are called {name!r}; rename all but one"
            )
    known = {"datasource", *(variable.name for variable in dashboard.variables)}
    for panel in dashboard.panels:
        for problem in _problems(panel, known):
            raise UsageError(f"{dashboard.name}, panel {panel.title!r}: {problem}")


def _problems(panel: Panel, variables: set[str]) -> Iterator[str]:
    if not panel.queries:
        yield "asks nothing; give it a query"
    try:
        grafana_unit(panel.shown_unit)
    except UsageError as error:
        yield str(error)
    for query in panel.queries:
        if isinstance(query, Query):
            yield from _wrong(query.expr, variables)


def _wrong(expr: str, variables: set[str]) -> Iterator[str]:
    for name in re.findall(r"\$\{?(\w+)", expr):
        if name not in variables | MACROS:
            yield f"no variable ${name}; there are {', '.join(sorted(variables))}"
    try:
        tree = promql.parse(substitute(expr, {}, rate_interval="5m", span="1h"))
    except ValueError as error:
        yield f"not PromQL: {error}"
        return
    for name in sorted(_read(tree) - SERIES):
        near = get_close_matches(name, SERIES, n=1)
        yield f"unknown series {name}" + (f"; did you mean {near[0]}?" if near else "")


def _read(tree: promql.Expr) -> set[str]:
    nodes: list[promql.Expr] = []
    promql.walk(tree, pre_visit=nodes.append)
    selectors = (
        node.vector_selector if isinstance(node, promql.MatrixSelector) else node for node in nodes
    )
    return {node.name or "" for node in selectors if isinstance(node, promql.VectorSelector)}
