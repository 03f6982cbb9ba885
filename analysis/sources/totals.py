"""Sums made in the cluster: a composite aggregation per step, service and operation or level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from analysis.sources.allowance import Allowance
from analysis.sources.answers import Bucket, Capability, Each
from analysis.sources.pages import Pages
from analysis.sources.shape import NANOSECONDS, Candidate, Shape

SPAN_TOTALS: Mapping[str, pl.DataType] = {
    "ts_ns": pl.Int64(),
    "service": pl.String(),
    "operation": pl.String(),
    "spans": pl.Int64(),
    "errors": pl.Int64(),
    "duration_mean_ns": pl.Float64(),
    "duration_p50_ns": pl.Float64(),
    "duration_p99_ns": pl.Float64(),
}
"""`ts_ns` is the step's start; a column that the indices cannot be summed by is null."""

LOG_TOTALS: Mapping[str, pl.DataType] = {
    "ts_ns": pl.Int64(),
    "service": pl.String(),
    "severity": pl.Int64(),
    "logs": pl.Int64(),
}

BUCKETS = 5_000
NUMBERS = {"long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long"}
Caps = Mapping[str, Mapping[str, Capability]]


@dataclass(frozen=True)
class Plan:
    """One aggregation over the documents of one shape."""

    query: Mapping[str, Any]
    aggs: Mapping[str, Any]
    schema: Mapping[str, pl.DataType]
    factor: int
    lacks: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """Which columns are summed, and by which."""

    name: str
    schema: Mapping[str, pl.DataType]
    by: tuple[str, ...]

    def empty(self) -> pl.DataFrame:
        """No rows."""
        return pl.DataFrame(schema=dict(self.schema))

    def names(self, shapes: Sequence[Shape]) -> list[str]:
        """All fields that any shape may be summed by."""
        columns = (*self.by, "duration", "status", "trace_id", "span_id")
        found = [
            candidate.field
            for shape in shapes
            for column in columns
            for candidate in getattr(shape, self.name).get(column, ())
            if candidate.field
        ]
        return [name for field in found for name in (field, f"{field}.keyword")]

    def plans(
        self, shapes: Sequence[Shape], found: Caps, dated: Sequence[str], start_ns: int,
        end_ns: int, step_ns: int,
    ) -> Iterator[Plan]:  # fmt: skip
        """A plan for each shape whose own fields are in the indices, the fullest first.

        Shapes share fields, and an index may name one field twice (ECS aliases over OTel):
        a document is summed once, by the first plan that has its service.
        """
        known = [
            (shape, {column: _groupable(shape, self.name, column, found) for column in self.by})
            for shape in shapes
            if shape.time in dated
        ]
        taken: list[str] = []
        for shape, by in sorted(known, key=lambda one: list(one[1].values()).count(None)):
            anchor = by[self.by[0]]
            if anchor is None or anchor in taken:
                continue
            yield self._plan(shape, by, found, taken, start_ns, end_ns, step_ns)
            taken.append(anchor)

    def _plan(
        self, shape: Shape, by: Mapping[str, str | None], found: Caps, taken: Sequence[str],
        start_ns: int, end_ns: int, step_ns: int,
    ) -> Plan:  # fmt: skip
        window = {"gte": start_ns // 10**6, "lt": end_ns // 10**6, "format": "epoch_millis"}
        sources: list[dict[str, Any]] = [
            {"ts_ns": {"date_histogram": {
                "field": shape.time, "fixed_interval": f"{max(1, step_ns // 10**6)}ms",
                "offset": f"{start_ns // 10**6 % max(1, step_ns // 10**6)}ms",
            }}},
        ]  # fmt: skip
        sources += [
            {column: {"terms": {"field": field, "missing_bucket": True}}}
            for column, field in by.items() if field is not None
        ]  # fmt: skip
        lasting = _number(shape, found) if self.name == "spans" else None
        aggs: dict[str, Any] = {"composite": {"size": BUCKETS, "sources": sources}}
        if self.name == "spans":
            aggs["aggs"] = _inner(shape, lasting, found)
        lacks = [column for column, field in by.items() if field is None]
        if self.name == "spans" and lasting is None:
            lacks.append("duration")
        # An index may hold spans and logs: only what bears an operation is a span.
        marks = _groupables(shape, "operation", found) if self.name == "spans" else []
        filters: list[dict[str, Any]] = [{"range": {shape.time: window}}]
        for names in ([by[self.by[0]]], marks):
            if names:
                exist = [{"exists": {"field": name}} for name in names]
                filters.append({"bool": {"should": exist}})
        others = [{"exists": {"field": name}} for name in taken]
        query = {"bool": {"filter": filters, "must_not": others}}
        factor = NANOSECONDS[(lasting.unit or "ns") if lasting else "ns"]
        return Plan(query, aggs, self.schema, factor, tuple(lacks))


SPANS = Kind("spans", SPAN_TOTALS, ("service", "operation"))
LOGS = Kind("logs", LOG_TOTALS, ("service", "severity"))


def read(pages: Pages, index: str, plan: Plan, allowance: Allowance) -> Iterator[pl.DataFrame]:
    """All buckets of a plan, page after page, as long as any are allowed."""
    after: Mapping[str, Any] = {}
    while allowance.is_left():
        aggs = {**plan.aggs, "composite": {**plan.aggs["composite"], **after}}
        each = pages.search(
            Each, index=index, query=plan.query, size=0, aggs={"each": aggs},
            ignore_unavailable=True,
        ).each  # fmt: skip
        allowance.took(len(each.buckets), 0)
        if each.buckets:
            rows = [_row(bucket, plan) for bucket in each.buckets]
            yield pl.DataFrame(rows, schema=dict(plan.schema), strict=False)
        if each.after_key is None or len(each.buckets) < BUCKETS:
            return
        if each.after_key == after.get("after"):
            raise pages.stuck()
        after = {"after": each.after_key}


def _row(bucket: Bucket, plan: Plan) -> dict[str, Any]:
    values = bucket.lasting.values
    row: dict[str, Any] = msgspec.structs.asdict(bucket.key)
    row["ts_ns"] = bucket.key.ts_ns * 10**6
    row |= {"spans": bucket.doc_count, "logs": bucket.doc_count}
    row["errors"] = bucket.errors and bucket.errors.doc_count
    row |= {
        "duration_mean_ns": _times(bucket.mean.value, plan.factor),
        "duration_p50_ns": _times(values.get("50.0"), plan.factor),
        "duration_p99_ns": _times(values.get("99.0"), plan.factor),
    }
    return {name: row[name] for name in plan.schema}


def _times(value: float | None, factor: int) -> float | None:
    return None if value is None else value * factor


def _groupable(shape: Shape, kind: str, column: str, found: Caps) -> str | None:
    """The first field of a column that buckets can be made of."""
    candidates = getattr(shape, kind).get(column, ())
    return next(iter(_aggregatable(candidates, found)), None)


def _groupables(shape: Shape, column: str, found: Caps) -> list[str]:
    return _aggregatable(shape.spans.get(column, ()), found)


def _aggregatable(candidates: Sequence[Candidate], found: Caps) -> list[str]:
    return [
        name
        for candidate in candidates
        for name in (candidate.field, f"{candidate.field}.keyword")
        if any(told.aggregatable for told in found.get(name, {}).values())
    ]


def _number(shape: Shape, found: Caps) -> Candidate | None:
    for candidate in shape.spans.get("duration", ()):
        if NUMBERS & set(found.get(candidate.field, {})):
            return candidate
    return None


def _inner(shape: Shape, lasting: Candidate | None, found: Caps) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    failed = [
        {"terms": {name: [word, word.capitalize(), word.upper()]}}
        for candidate in shape.spans.get("status", ())
        for word, meaning in candidate.values.items()
        for name in (candidate.field, f"{candidate.field}.keyword")
        if meaning == "error" and set(found.get(name, {})) & {"keyword", "boolean", "long"}
    ]
    if failed:
        inner["errors"] = {"filter": {"bool": {"should": failed}}}
    if lasting is not None:
        inner["mean"] = {"avg": {"field": lasting.field}}
        inner["lasting"] = {"percentiles": {"field": lasting.field, "percents": [50, 99]}}
    return inner
