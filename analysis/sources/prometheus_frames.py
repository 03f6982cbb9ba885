"""Answers of Prometheus as frames: samples, histograms native and classic, exemplars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

Result = Sequence[dict[str, Any]]
LATEST = 9e9
"""Seconds that 64 bits of nanoseconds hold."""
OWN = frozenset({"ts_ns", "value", "lower", "upper", "trace_id"})
"""Columns of our own: a label of such a name becomes `label_NAME`."""


def samples(result: Result) -> pl.DataFrame:
    """Columns ts_ns, value and one for each label, null where a series lacks it."""
    times: list[float] = []
    values: list[float] = []
    lengths: list[int] = []
    for series in result:
        samples = series.get("values") or ([series["value"]] if "value" in series else [])
        times += [sample[0] for sample in samples]
        values += [float(sample[1]) for sample in samples]
        lengths.append(len(samples))
    ts_ns = _nanoseconds(times)
    owner = np.repeat(np.arange(len(result)), lengths)
    frame = pl.DataFrame({"ts_ns": ts_ns, "value": np.asarray(values, dtype=np.float64)})
    return _with_labels(frame, result, owner)


def native_buckets(result: Result) -> pl.DataFrame:
    """A row for each bucket of a native histogram: ts_ns, lower, upper, value and the labels.

    A bucket's `value` is its own count, not what is below it, too; the zero bucket lies around 0.
    """
    rows: list[tuple[float, float, float, float]] = []
    owner: list[int] = []
    for place, series in enumerate(result):
        found = list(_buckets(series))
        rows += found
        owner += [place] * len(found)
    names = ("ts_ns", "lower", "upper", "value")
    table = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
    frame = pl.DataFrame(dict(zip(names, table.T, strict=True)))
    frame = frame.with_columns(pl.Series("ts_ns", _nanoseconds(table[:, 0])))
    return _with_labels(frame, result, np.asarray(owner, dtype=np.int64))


def classic_buckets(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows from classic `_bucket` series, which bear `le` and count all below it, too.

    Where a bucket is below its lower neighbour (a scrape in mid-write), it holds nothing.
    """
    if "le" not in frame.columns:
        return (
            frame.clear()
            .with_columns(pl.lit(0.0).alias("lower"), pl.lit(0.0).alias("upper"))
            .drop("le", strict=False)
        )
    by = [name for name in frame.columns if name not in ("le", "value")]
    ordered = frame.with_columns(
        pl.col("le").str.replace("+Inf", "inf", literal=True).cast(pl.Float64, strict=False)
        .alias("upper")
    ).drop_nulls("upper").sort(*by, "upper", nulls_last=False)  # fmt: skip
    before = pl.col("value").cum_max().shift(1, fill_value=0.0).over(by)
    lowest = pl.when(pl.col("upper") > 0).then(0.0).otherwise(-math.inf)
    lower = pl.coalesce(pl.col("upper").shift(1).over(by), lowest)
    return ordered.with_columns(
        (pl.col("value") - before).clip(0.0).alias("value"), lower.alias("lower")
    ).drop("le")


def exemplars(result: Result) -> pl.DataFrame:
    """Columns ts_ns, value, trace_id (32 hex; null where it has none) and the series' labels."""
    told = [(place, one) for place, series in enumerate(result) for one in series["exemplars"]]
    ids = [one["labels"].get("trace_id") or one["labels"].get("traceID") for _, one in told]
    frame = pl.DataFrame(
        {
            "ts_ns": _nanoseconds([float(one["timestamp"]) for _, one in told]),
            "value": np.asarray([float(one["value"]) for _, one in told], dtype=np.float64),
            "trace_id": pl.Series(ids, dtype=pl.String).str.to_lowercase().str.zfill(32),
        }
    )
    series = [{"metric": each["seriesLabels"]} for each in result]
    return _with_labels(frame, series, np.asarray([place for place, _ in told], dtype=np.int64))


def increases(frame: pl.DataFrame) -> pl.DataFrame:
    """How much each counter rose since its sample before, in place of `value`.

    A counter that fell began again at 0, as Prometheus has it. The first sample of a series says
    nothing; a value that is none breaks the chain.
    """
    by = [name for name in frame.columns if name not in ("ts_ns", "value")]
    ordered = frame.sort("ts_ns")
    value = pl.when(pl.col("value").is_finite()).then("value")  # NaN would be above all numbers
    before = value.shift(1).over(by) if by else value.shift(1)
    risen = pl.when(value >= before).then(value - before).when(value < before).then(value)
    return ordered.with_columns(risen.alias("value")).drop_nulls("value")


def _buckets(series: dict[str, Any]) -> Iterator[tuple[float, float, float, float]]:
    told = series.get("histograms") or ([series["histogram"]] if "histogram" in series else [])
    for at, histogram in told:
        for _, lower, upper, count in histogram.get("buckets") or ():
            yield float(at), float(lower), float(upper), float(count)


def _with_labels(frame: pl.DataFrame, result: Result, owner: Any) -> pl.DataFrame:
    labels = _labels(result)
    return frame.hstack(labels[owner]) if labels.width else frame


def _nanoseconds(seconds: Any) -> Any:
    """Prometheus keeps milliseconds. Raises ValueError of what is no time."""
    told = np.asarray(seconds, dtype=np.float64)
    if not (np.abs(told) <= LATEST).all():
        raise ValueError("a time that none is")
    return np.rint(told * 1e3).astype(np.int64) * 1_000_000


def _labels(result: Result) -> pl.DataFrame:
    names = sorted({name for series in result for name in series["metric"]})
    return pl.DataFrame(
        {
            f"label_{name}" if name in OWN else name: pl.Series(
                [series["metric"].get(name) for series in result], dtype=pl.String
            )
            for name in names
        }
    )
