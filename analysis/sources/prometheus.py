"""Samples from Prometheus, or any store that speaks its HTTP API, as frames."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import orjson
import polars as pl

from analysis.sources.backoff import patiently
from analysis.sources.errors import BusyError, SourceError
from analysis.sources.gap import Gap

MAX_POINTS = 11_000
"""Prometheus refuses a range query with more points a series than this."""

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that Prometheus holds as pending or firing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    active_at_ns: int


class PrometheusSource:
    """Frames have `ts_ns`, `value` and a column for each label, null where a series lacks it.

    Safe to use from several threads. Raises SourceError when an answer cannot be had; what the
    server warns of (partial answers among it) is a gap.
    """

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self.name = "prometheus"
        self.gaps: list[Gap] = []
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            timeout=timeout,
            trust_env=False,
            headers={"user-agent": "busysignal"},
        )

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """Evaluate at start, start + step, ... up to and including end."""
        if step_ns < 1_000_000 or end_ns < start_ns:
            raise ValueError(f"no range: start {start_ns}, end {end_ns}, step {step_ns}")
        form = {"query": query, "step": _seconds(step_ns), "timeout": f"{self._timeout:g}"}
        parts = [
            self._frame("query_range", {**form, "start": _seconds(first), "end": _seconds(last)})
            for first, last in _windows(start_ns, end_ns, step_ns)
        ]
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal")

    def instant(self, query: str, at_ns: int | None = None) -> pl.DataFrame:
        """Evaluate once, now or at `at_ns`."""
        form = {"query": query, "timeout": f"{self._timeout:g}"}
        if at_ns is not None:
            form["time"] = _seconds(at_ns)
        return self._frame("query", form)

    def alerts(self) -> list[ActiveAlert]:
        """Return the pending and firing alerts."""
        data = self._ask("alerts", None)
        try:
            return [
                ActiveAlert(
                    labels=alert["labels"],
                    annotations=alert.get("annotations", {}),
                    state=alert["state"],
                    active_at_ns=_nanoseconds(alert["activeAt"]),
                )
                for alert in data["alerts"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._garbage(f"its alerts lack {error}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _frame(self, path: str, form: dict[str, str]) -> pl.DataFrame:
        data = self._ask(path, form)
        try:
            result, kind = data["result"], data["resultType"]
            if kind in {"scalar", "string"}:
                result = [{"metric": {}, "value": result}]
            if any("histogram" in series or "histograms" in series for series in result):
                self.gaps.append(Gap(self.name, f"native histograms left out: {form['query']}"))
            return _tabulate(result)
        except (KeyError, TypeError, ValueError) as error:
            raise self._garbage(f"{type(error).__name__}: {error}") from None

    def _ask(self, path: str, form: dict[str, str] | None) -> Any:
        try:
            status, content = patiently(lambda: self._fetch(path, form), self._timeout)
        except BusyError as error:
            raise SourceError(
                "Prometheus", self.url, f"is too busy ({error})",
                "ask for less, or later", _status(error),
            ) from None  # fmt: skip
        except httpx.TimeoutException:
            raise SourceError(
                "Prometheus", self.url, f"did not answer within {self._timeout:g} s",
                "look at its load, or raise [prometheus] timeout_seconds",
            ) from None  # fmt: skip
        except (httpx.HTTPError, OSError) as error:
            raise SourceError(
                "Prometheus", self.url, f"cannot be reached ({error})",
                "start it, or correct [prometheus] url",
            ) from None  # fmt: skip
        return self._open(status, content)

    def _fetch(self, path: str, form: dict[str, str] | None) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._timeout
        method = "GET" if form is None else "POST"
        with self._client.stream(method, path, data=form) as answer:
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:  # httpx bounds each read, not their sum
                    raise httpx.ReadTimeout("the answer drips")
                if len(content) > MAX_BYTES:
                    raise self._garbage(f"more than {MAX_BYTES} bytes")
            if answer.status_code in {429, 502, 503, 504}:
                after = answer.headers.get("retry-after", "")
                raise BusyError(
                    f"HTTP {answer.status_code}", float(after) if after.isdigit() else 0.0
                )
            return answer.status_code, bytes(content)

    def _open(self, status: int, content: bytes) -> Any:
        try:
            answer = orjson.loads(content)
            succeeded = answer["status"] == "success"
            for warning in answer.get("warnings") or ():
                self.gaps.append(Gap(self.name, f"the answer is partial: {warning}"))
            if succeeded and status == 200:
                return answer["data"]
            problem, advice = f"refused: {answer['error']}", "correct the query"
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            if status == 200:
                raise self._garbage(f"it begins with {content[:40]!r}") from None
            problem, advice = f"answered HTTP {status}", "correct [prometheus] url"
        if status in {401, 403}:
            advice = "let this machine read it"
        raise SourceError("Prometheus", self.url, problem, advice, status)

    def _garbage(self, what: str) -> SourceError:
        return SourceError(
            "Prometheus", self.url, f"gave an answer that is not Prometheus's ({what})",
            "correct [prometheus] url", 200,
        )  # fmt: skip


def _status(error: BusyError) -> int | None:
    text = str(error).removeprefix("HTTP ")
    return int(text) if text.isdigit() else None


def _windows(start_ns: int, end_ns: int, step_ns: int) -> Iterator[tuple[int, int]]:
    span = (MAX_POINTS - 1) * step_ns
    while start_ns <= end_ns:
        yield start_ns, min(end_ns, start_ns + span)
        start_ns += span + step_ns


def _tabulate(result: list[dict[str, Any]]) -> pl.DataFrame:
    times: list[float] = []
    values: list[float] = []
    lengths: list[int] = []
    for series in result:
        samples = series.get("values") or ([series["value"]] if "value" in series else [])
        times += [sample[0] for sample in samples]
        values += [float(sample[1]) for sample in samples]
        lengths.append(len(samples))
    ts_ns = np.rint(np.asarray(times, dtype=np.float64) * 1e3).astype(np.int64) * 1_000_000
    owner = np.repeat(np.arange(len(result)), lengths)
    frame = pl.DataFrame({"ts_ns": ts_ns, "value": np.asarray(values, dtype=np.float64)})
    labels = _labels(result)
    return frame.hstack(labels[owner]) if labels.width else frame


def _labels(result: list[dict[str, Any]]) -> pl.DataFrame:
    names = sorted({name for series in result for name in series["metric"]})
    own = {"ts_ns", "value"}
    return pl.DataFrame(
        {
            f"label_{name}" if name in own else name: pl.Series(
                [series["metric"].get(name) for series in result], dtype=pl.String
            )
            for name in names
        }
    )


def _seconds(ns: int) -> str:
    return f"{ns // 1_000_000_000}.{ns % 1_000_000_000 // 1_000_000:03d}"


def _nanoseconds(iso: str) -> int:
    # Go writes nine digits, of which datetime keeps six.
    return round(datetime.fromisoformat(iso).timestamp() * 1e6) * 1_000
