"""The chosen GPUs in queries, and the panels that every row of their dashboard repeats."""

from __future__ import annotations

from typing import Any

from dashboards.panels import Query, StateTimeline, TimeSeries, Value
from dashboards.scope import drawn
from exporters.catalog import Gauge, Recorded, Selector

DEVICE = "{{instance}} gpu {{gpu}}"
STATES = (Value(0, "no", "green"), Value(1, "yes", "red"))
NO_GPM = "no device here tells (GPM: Hopper and later)"


def chosen(selector: Selector) -> Selector:
    """Narrow to the chosen exporters, and to the chosen devices where series tell them apart."""
    here = selector.matching(instance="$instance")
    return here.matching(gpu="$gpu") if "gpu" in selector.labels else here


def lines(
    title: str, about: str, signal: Recorded | Gauge, legend: str = DEVICE, **more: Any
) -> TimeSeries:
    """Draw one series of the chosen devices as it is; shares fill the whole height."""
    more.setdefault("maximum", 1 if signal.unit == "ratio" else None)
    return drawn(title, about, signal, chosen(signal.value), legend, **more)


def bars(title: str, about: str, signal: Recorded, legend: str = DEVICE, **more: Any) -> TimeSeries:
    """Draw errors, which are mostly not there."""
    return lines(title, about, signal, legend, style="bars", **more)


def states(
    title: str, about: str, signal: Recorded, legend: str = DEVICE, **more: Any
) -> StateTimeline:
    """Draw since when something is so."""
    query = Query(chosen(signal.value), legend)
    more.setdefault("values", STATES)
    return StateTimeline(title=title, about=about, signals=(signal,), queries=(query,), **more)
