"""Read a verdict's evidence from its sources, all at once and within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from alerts.prometheus_config import JOBS
from analysis.budget import Outcome, within
from analysis.calls import mended
from analysis.config import AnalysisSection
from analysis.cost import COSTED
from analysis.devices import Devices, devices
from analysis.entities import unified
from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Evidence, Window
from analysis.health import process_starts, silent_targets, versions
from analysis.quantities import BY_KEY, QUANTITIES, Quantity
from analysis.releases import merged, releases
from analysis.shares import Shares
from analysis.sources.gap import Gap
from analysis.sources.source import Source
from analysis.steps import scrape_step
from exporters.catalog import engine, foreign, gpu, probe

NO_FRAME = pl.DataFrame()
NO_DEVICES = Devices()
READ = (*QUANTITIES, *COSTED)
Task = Callable[[], pl.DataFrame]

OURS = "|".join(JOBS)
"""A Prometheus serves others, too: a stranger's silent target says nothing about this service."""


class MetricSource(Protocol):
    """Answers PromQL over a range: columns ts_ns, value and one per label."""

    name: str
    gaps: list[Gap]

    def range(self, query: str, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame: ...


@dataclass(frozen=True)
class Sources:
    """Where evidence comes from; None where there is no such source."""

    metrics: MetricSource | None = None
    documents: Source | None = None

    @property
    def names(self) -> tuple[str, str]:
        """What gaps call the two: by kind where there is none."""
        return (
            self.metrics.name if self.metrics else "metrics",
            self.documents.name if self.documents else "spans and logs",
        )


def window_of(
    alert: Alert, section: AnalysisSection, now_ns: int, metrics: MetricSource | None = None
) -> Window:
    """The incident reaches back before the alert, since an alert is always late.

    The step is the section's, or the next whole number of the scrapes that `metrics` tells.
    """
    step = scrape_step(metrics, int(section.step * SECOND), section.budget_seconds)
    end = max(now_ns, alert.starts_ns) // step * step
    end = min(end, (alert.starts_ns + int(2 * section.incident * SECOND)) // step * step)
    start = (alert.starts_ns - int(section.incident * SECOND)) // step * step
    baseline = start - int(section.baseline * SECOND) // step * step
    return Window(baseline, start, max(end, start + step), step)


def collect(
    sources: Sources,
    section: AnalysisSection,
    alert: Alert,
    *,
    now_ns: int | None = None,
    window: Window | None = None,
) -> Evidence:
    """Read everything `diagnose` needs; what does not answer in time becomes a gap."""
    window = window or window_of(alert, section, now_ns or time.time_ns(), sources.metrics)
    service = alert.service or section.service
    tasks = {
        **_document_tasks(sources, window, section.span_limit),
        **_metric_tasks(sources, window, service),
    }
    told = _told(sources)
    outcome = within(section.budget_seconds, tasks, threads=section.concurrency)
    answers = outcome.values
    spans_before, spans, amiss = mended(
        answers.get("spans_before", NO_FRAME), answers.get("spans", NO_FRAME)
    )
    unsound = [Gap(sources.names[1], words) for words in amiss]
    found = devices(answers.get("gpu_info", NO_FRAME), answers.get("probe_info", NO_FRAME))
    series = _series(answers, found)
    spans_before, spans = unified((spans_before, spans), series, window.step_ns)
    targets = _belonging(answers.get("up", NO_FRAME), service)
    return Evidence(
        alert=alert,
        window=window,
        service=service or _only_service(answers),
        series=series,
        spans_before=spans_before,
        spans=spans,
        logs_before=answers.get("logs_before", NO_FRAME),
        logs=answers.get("logs", NO_FRAME),
        changes=merged(
            process_starts(answers.get("process_start", NO_FRAME), window),
            versions(answers.get("replica_info", NO_FRAME), window),
            releases((spans_before, spans), window),
        ),
        gaps=tuple(sorted({*_gaps(sources, outcome), *_told(sources)[len(told) :], *unsound})),
        silent=silent_targets(targets, window),
        placement=_placement(answers, found),
        firing=_firing(answers.get("alerts", NO_FRAME)),
    )


def without_evidence(alert: Alert, section: AnalysisSection, why: str) -> Evidence:
    """Evidence that says only why there is none."""
    window = window_of(alert, section, time.time_ns())
    gaps = (Gap("analysis", why),)
    return Evidence(alert=alert, window=window, service=alert.service or "", gaps=gaps)


def _metric_tasks(sources: Sources, window: Window, service: str | None) -> dict[str, Task]:
    metrics = sources.metrics
    if metrics is None:
        return {}
    queries = {quantity.key: quantity.query(service) for quantity in READ}
    queries["up"] = str(foreign.UP.value.matching(job=OURS))
    queries["alerts"] = str(foreign.ALERTS.value.where(alertstate="firing"))
    queries["process_start"] = str(foreign.PROCESS_START.value.matching(job=OURS))
    queries["replica_info"] = str(engine.REPLICA_INFO.value)
    queries["gpu_info"] = str(gpu.GPU_INFO.value)
    queries["probe_info"] = str(probe.PROBE_DEVICE.value)

    def task(query: str) -> Task:
        return lambda: metrics.range(query, window.baseline_ns, window.end_ns, window.step_ns)

    return {key: task(query) for key, query in queries.items()}


def _document_tasks(sources: Sources, window: Window, limit: int) -> dict[str, Task]:
    documents = sources.documents
    if documents is None:
        return {}
    length = window.end_ns - window.start_ns
    start, end = window.start_ns, window.end_ns
    matched = max(window.baseline_ns, start - length)
    shares = Shares(documents, window, matched, limit)
    return {
        "spans": lambda: documents.spans(start, end, shares.of("spans")),
        "spans_before": lambda: documents.spans(matched, start, shares.of("spans_before")),
        "logs_before": lambda: documents.logs(matched, start, shares.of("logs_before")),
        "logs": lambda: documents.logs(start, end, shares.of("logs")),
    }


def _series(answers: Mapping[str, pl.DataFrame], found: Devices) -> pl.DataFrame:
    frames = [
        tidy(quantity, answers[quantity.key], found)
        for quantity in READ
        if quantity.key in answers and answers[quantity.key].height
    ]
    if not frames:
        return pl.DataFrame(schema=SERIES_SCHEMA)
    return pl.concat(frames).sort("entity", "quantity", "part", "ts_ns")


def tidy(quantity: Quantity, answer: pl.DataFrame, found: Devices = NO_DEVICES) -> pl.DataFrame:
    """Turn labels into entity and part; the larger value stands where two series share both."""
    part = _label(answer, quantity.part) if quantity.part else pl.lit("")
    return (
        answer.select(
            _entity(quantity, answer, found).alias("entity"),
            pl.lit(quantity.key).alias("quantity"),
            part.alias("part"),
            pl.col("ts_ns").cast(pl.Int64),
            pl.col("value").cast(pl.Float64),
        )
        .filter(pl.col("value").is_finite())
        .group_by("entity", "quantity", "part", "ts_ns")
        .agg(pl.col("value").max())
        .select(list(SERIES_SCHEMA))
    )


def _label(answer: pl.DataFrame, name: str) -> pl.Expr:
    if name not in answer.columns:
        return pl.lit("")
    return pl.col(name).cast(pl.String).fill_null("")


def _entity(quantity: Quantity, answer: pl.DataFrame, found: Devices) -> pl.Expr:
    service = pl.concat_str(pl.lit("service/"), _label(answer, "service"))
    own = service if quantity.owner == "service" else pl.lit(quantity.owner)
    named = [
        pl.when(_label(answer, label) != "").then(
            pl.concat_str(pl.lit(f"{label}/"), _label(answer, label))
        )
        for label in ("upstream", "replica")
    ]
    if quantity.owner == "cache":
        return pl.concat_str(pl.lit("cache/"), _label(answer, "tier"))
    return pl.coalesce(found.entity(answer), *named, own)


def _belonging(targets: pl.DataFrame, service: str | None) -> pl.DataFrame:
    if service is None or "service" not in targets.columns:
        return targets
    mine = pl.col("service").is_null() | pl.col("service").is_in(["", service])
    return targets.filter(mine)


def _only_service(answers: Mapping[str, pl.DataFrame]) -> str:
    names = {
        name
        for frame in answers.values()
        if "service" in frame.columns
        for name in frame["service"].drop_nulls().cast(pl.String).to_list()
    }
    return min(names - {""}, default="")


def _firing(alerts: pl.DataFrame) -> tuple[str, ...]:
    if "alertname" not in alerts.columns:
        return ()
    return tuple(sorted(set(alerts["alertname"].drop_nulls().to_list())))


def _placement(answers: Mapping[str, pl.DataFrame], found: Devices) -> dict[str, str]:
    """Which replica runs on which GPU, joined over the device's uuid."""
    replicas = answers.get("replica_info", NO_FRAME)
    if not {"replica", "gpu_uuid"} <= set(replicas.columns):
        return {}
    rows = replicas.sort("ts_ns").select("replica", "gpu_uuid").unique(maintain_order=True)
    return {
        f"replica/{name}": found.by_uuid[uuid]
        for name, uuid in rows.iter_rows()
        if uuid in found.by_uuid
    }


def _told(sources: Sources) -> list[Gap]:
    """What the sources said of themselves so far; they only ever add to it."""
    metrics = list(sources.metrics.gaps) if sources.metrics else []
    documents = list(sources.documents.gaps) if sources.documents else []
    return [*metrics, *documents]


def _gaps(sources: Sources, outcome: Outcome[str, pl.DataFrame]) -> list[Gap]:
    gaps = []
    metrics, of_documents = sources.names
    if sources.metrics is None:
        gaps.append(Gap(metrics, "not configured: none were read"))
    if sources.documents is None:
        gaps.append(Gap(of_documents, "not configured: none were read"))
    documents = {"spans", "spans_before", "logs_before", "logs"}
    for source, mine in ((metrics, False), (of_documents, True)):
        late = [key for key in outcome.late if (key in documents) == mine]
        failed = {key: why for key, why in outcome.errors.items() if (key in documents) == mine}
        if late:
            gaps.append(Gap(source, f"{len(late)} of the queries did not answer in time"))
        if failed:
            first = failed[min(failed)]
            gaps.append(Gap(source, f"{len(failed)} of the queries failed: {first}"))
    unseen = [
        key
        for key, quantity in BY_KEY.items()
        if key in outcome.values and not quantity.event and not outcome.values[key].height
    ]
    if unseen:
        gaps.append(Gap(metrics, f"no series of {', '.join(sorted(unseen))}"))
    return gaps
