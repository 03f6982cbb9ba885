"""Recorded `/metrics` read back, and selectors answered from it as Prometheus would."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from exporters.catalog import Selector

MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Series:
    """One series of a scrape."""

    labels: Mapping[str, str]
    value: float


class Scrape:
    """One recorded answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self._series: dict[str, list[Series]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._series[sample.name].append(Series(sample.labels, sample.value))

    def select(self, selector: Selector) -> list[Series]:
        """Series that the selector names; target labels are not in a scrape and are not asked."""
        wanted = [_matcher(text) for text in selector.matchers]
        return [
            series
            for series in self._series.get(selector.series, [])
            if all(accepts(series.labels.get(label, "")) for label, accepts in wanted)
        ]

    def total(self, selectors: Iterable[Selector], copies: tuple[str, ...] = ()) -> float | None:
        """Sum over the series, of copies the largest; None where no selector has any."""
        shares = [_distinct(self.select(selector), copies) for selector in selectors]
        values = [value for share in shares for value in share]
        return sum(values) if values else None

    def largest(self, selector: Selector) -> float | None:
        """The largest value of a selector's series."""
        values = [series.value for series in self.select(selector) if not math.isnan(series.value)]
        return max(values, default=None)

    def quantile(self, level: float, bucket: Selector, copies: tuple[str, ...]) -> float | None:
        """Quantile over a histogram's whole life, interpolated as `histogram_quantile` does."""
        by_bound: dict[float, list[Series]] = defaultdict(list)
        for series in self.select(bucket):
            by_bound[float(series.labels["le"])].append(series)
        counts = {bound: sum(_distinct(by_bound[bound], copies)) for bound in sorted(by_bound)}
        return _quantile(level, counts)


def _matcher(text: str) -> tuple[str, Callable[[str], object]]:
    found = MATCHER.fullmatch(text)
    assert found is not None, f"no matcher: {text}"
    label, operator, value = found.groups()
    return label, re.compile(value if operator == "=~" else re.escape(value)).fullmatch


def _distinct(found: Iterable[Series], copies: tuple[str, ...]) -> list[float]:
    largest: dict[frozenset[tuple[str, str]], float] = {}
    for series in found:
        if not math.isnan(series.value):
            key = frozenset(item for item in series.labels.items() if item[0] not in copies)
            largest[key] = max(series.value, largest.get(key, -math.inf))
    return list(largest.values())


def _quantile(level: float, counts: Mapping[float, float]) -> float | None:
    total = counts.get(math.inf, 0.0)
    if not total:
        return None
    rank, before, lower = level * total, 0.0, 0.0
    for bound, count in counts.items():
        if count >= rank:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (rank - before) / max(count - before, 1e-12)
        before, lower = count, bound
    return lower
