"""The chosen service and models in queries, and the panels that every room of a board repeats."""

from __future__ import annotations

from typing import Any

from dashboards.panels import Query, TimeSeries
from exporters.catalog import Recorded, Selector, neutral

SERVICE = "$service"


def of(selector: Selector) -> Selector:
    """Narrow to the chosen service, and to the chosen models where the series tells them apart."""
    chosen = selector.where(service=SERVICE)
    return chosen.matching(model="$model") if "model" in selector.labels else chosen


def lines(title: str, about: str, signal: Recorded, legend: str, **more: Any) -> TimeSeries:
    """Draw one recorded series of the chosen service as it is."""
    query = Query(of(signal.value), legend)
    return TimeSeries(title=title, about=about, signals=(signal,), queries=(query,), **more)


def by_part(title: str, about: str, signal: Recorded, **more: Any) -> TimeSeries:
    """Draw one recorded series per replica; where it has none, it is the gateway's."""
    named = f'label_replace({of(signal.value)}, "replica", "gateway", "replica", "")'
    query = Query(named, "{{replica}}")
    return TimeSeries(title=title, about=about, signals=(signal,), queries=(query,), **more)


def or_no_traffic(expr: str) -> str:
    """NaN ("no traffic") where the front door is up but silent; nothing ("no data") where not."""
    door = neutral.TARGET_UP.value.where(job="gateway", service=SERVICE)
    return f"{expr}\nor on (service)\n(max by (service) ({door}) == 1) * NaN"
