"""Samples from Prometheus, or any store that speaks its HTTP API, as frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import polars as pl

from analysis.sources.gap import Gap
from analysis.sources.prometheus_api import Api, Form
from analysis.sources.prometheus_frames import (
    Result,
    classic_buckets,
    exemplars,
    native_buckets,
    samples,
)

MAX_POINTS = 11_000
"""Prometheus refuses a range query with more points a series than this."""

ReadT = TypeVar("ReadT")
WRONG_FORM = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)

MOST_VALUES = 100_000
"""Names or values of labels that one question is answered with."""


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that Prometheus holds as pending or firing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    active_at_ns: int


@dataclass(frozen=True)
class Metadata:
    """What a target says of one of its metrics; `unit` is mostly empty."""

    kind: str
    help: str
    unit: str


class PrometheusSource:
    """Frames have `ts_ns`, `value` and a column for each label, null where a series lacks it.

    Safe to use from several threads. Raises SourceError when an answer cannot be had; what the
    server warns of (partial answers among it) is a gap. A series that its target or rule no longer
    has ends with its last sample; one that ended without a word (pushed from elsewhere) the server
    carries on for as long as it looks back, 5 minutes by default.
    """

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self.name = "prometheus"
        self.gaps: list[Gap] = []
        self._api = Api(url, timeout, self._state)
        self.url = self._api.url
        self._common = {"timeout": f"{timeout:g}"}

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """Evaluate at start, start + step, ... up to and including end."""
        told = self._parts(query, start_ns, end_ns, step_ns, samples)
        return told[0] if len(told) == 1 else pl.concat(told, how="diagonal")

    def buckets(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """A histogram's buckets, whether it is native or classic.

        The query selects native histograms, or `_bucket` series with their `le`. A row for each
        bucket: ts_ns, lower, upper, value (its own count) and the labels.
        """

        def read(result: Result) -> pl.DataFrame:
            classic = classic_buckets(samples(_without_histograms(result)))
            native = native_buckets([each for each in result if _is_native(each)])
            return pl.concat([native, classic], how="diagonal")

        return pl.concat(self._parts(query, start_ns, end_ns, step_ns, read), how="diagonal")

    def instant(self, query: str, at_ns: int | None = None) -> pl.DataFrame:
        """Evaluate once, now or at `at_ns`.

        Of a selector with a range (`name[5m]`) these are the samples as they were scraped.
        """
        form = {"query": query, **self._common}
        if at_ns is not None:
            form["time"] = _seconds(at_ns)
        return self._frame("query", form, samples)

    def exemplars(self, query: str, start_ns: int, end_ns: int) -> pl.DataFrame:
        """The exemplars of the series that a query names: ts_ns, value, trace_id and labels."""
        form = {"query": query, "start": _seconds(start_ns), "end": _seconds(end_ns)}
        return self._read(self._api.ask("query_exemplars", form), exemplars)

    def label_names(self, *match: str) -> list[str]:
        """The labels of the series that match any of the selectors; of all without one."""
        return self._values("labels", match)

    def label_values(self, name: str, *match: str) -> list[str]:
        """The values of a label, likewise; a gap where there are more than MOST_VALUES."""
        return self._values(f"label/{name}/values", match)

    def metadata(self) -> dict[str, Metadata]:
        """What targets say of their metrics, by name; the first word where they disagree."""
        data = self._api.ask("metadata", None)
        return self._read(data, _metadata)

    def alerts(self) -> list[ActiveAlert]:
        """Return the pending and firing alerts."""
        return self._read(self._api.ask("alerts", None), _alerts)

    def scrape_intervals(self) -> dict[str, int]:
        """Nanoseconds between samples by job; empty for a store that scrapes nothing itself."""
        data = self._api.ask("targets", {"state": "active"}, method="GET")
        return self._read(data, _intervals)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _parts(
        self, query: str, start_ns: int, end_ns: int, step_ns: int, read: Callable[[Result], Any]
    ) -> list[pl.DataFrame]:
        if step_ns < 1_000_000 or end_ns < start_ns:
            raise ValueError(f"no range: start {start_ns}, end {end_ns}, step {step_ns}")
        form = {"query": query, "step": _seconds(step_ns), **self._common}
        return [
            self._frame(
                "query_range", {**form, "start": _seconds(first), "end": _seconds(last)}, read
            )
            for first, last in _windows(start_ns, end_ns, step_ns)
        ]

    def _frame(self, path: str, form: Form, read: Callable[[Result], Any]) -> pl.DataFrame:
        def open_(data: Any) -> pl.DataFrame:
            result, kind = data["result"], data["resultType"]
            if kind in {"scalar", "string"}:
                result = [{"metric": {}, "value": result}]
            if read is samples and any(map(_is_native, result)):
                self._state(f"native histograms left out: {form['query']}")
            frame: pl.DataFrame = read(result)
            return frame

        return self._read(self._api.ask(path, form), open_)

    def _values(self, path: str, match: tuple[str, ...]) -> list[str]:
        form: dict[str, Any] = {"limit": str(MOST_VALUES)}
        if match:
            form["match[]"] = list(match)
        told = self._read(
            self._api.ask(path, form, method="GET"), lambda data: list(map(str, data))
        )
        if len(told) > MOST_VALUES:
            self._state(f"only {MOST_VALUES} of {len(told)} answers to {path} were kept")
        return told[:MOST_VALUES]

    def _read(self, data: Any, read: Callable[[Any], ReadT]) -> ReadT:
        try:
            return read(data)
        except (*WRONG_FORM, pl.exceptions.PolarsError) as error:
            raise self._api.garbage(f"{type(error).__name__}: {error}") from None

    def _state(self, words: str) -> None:
        gap = Gap(self.name, words)
        if gap not in self.gaps:  # a store that is away is away for every query
            self.gaps.append(gap)


def _is_native(series: dict[str, Any]) -> bool:
    return "histogram" in series or "histograms" in series


def _without_histograms(result: Result) -> Result:
    return [series for series in result if not _is_native(series)]


def _alerts(data: Any) -> list[ActiveAlert]:
    return [
        ActiveAlert(
            labels=alert["labels"],
            annotations=alert.get("annotations", {}),
            state=alert["state"],
            active_at_ns=_nanoseconds(alert["activeAt"]),
        )
        for alert in data["alerts"]
    ]


def _metadata(data: Any) -> dict[str, Metadata]:
    return {
        str(name): Metadata(told[0]["type"], told[0].get("help", ""), told[0].get("unit", ""))
        for name, told in data.items()
        if told
    }


def _intervals(data: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for target in data.get("activeTargets") or ():
        job, word = target["labels"].get("job", ""), target.get("scrapeInterval")
        if word:
            found[job] = max(found.get(job, 0), _duration(word))
    return found


UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9}


def _duration(word: str) -> int:
    """`1m30s`, as Prometheus writes durations, in nanoseconds."""
    parts = re.findall(r"(\d+)(ms|[smhd])", word)
    return sum(int(count) * UNITS[unit] for count, unit in parts)


def _windows(start_ns: int, end_ns: int, step_ns: int) -> Iterator[tuple[int, int]]:
    span = (MAX_POINTS - 1) * step_ns
    while start_ns <= end_ns:
        yield start_ns, min(end_ns, start_ns + span)
        start_ns += span + step_ns


def _seconds(ns: int) -> str:
    return f"{ns // 1_000_000_000}.{ns % 1_000_000_000 // 1_000_000:03d}"


def _nanoseconds(iso: str) -> int:
    # Go writes nine digits, of which datetime keeps six.
    return round(datetime.fromisoformat(iso).timestamp() * 1e6) * 1_000
