"""One verdict on a window of the past, asked for by a person."""

from __future__ import annotations

from datetime import UTC, datetime

from analysis.collect import MetricSource, Sources, collect
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, Alert, Window
from analysis.sources.errors import SourceError
from analysis.verdict import Verdict
from exporters.catalog import foreign
from exporters.errors import ServerMissingError, UsageError


def verdict_on(
    sources: Sources,
    section: AnalysisSection,
    *,
    start_ns: int,
    end_ns: int,
    service: str | None = None,
) -> Verdict:
    """Diagnose [start_ns, end_ns] against the stretch before it; nanoseconds UTC.

    Raises UsageError when the window is empty, ServerMissingError when the metrics cannot be read
    at all: a person can start the server and ask again, so no verdict is better than a blind one.
    """
    if end_ns <= start_ns:
        raise UsageError("the window is empty: --to is not after --from; give a later --to")
    step = int(section.step * SECOND)
    baseline = start_ns - int(section.baseline * SECOND)
    window = Window(baseline // step * step, start_ns // step * step, end_ns // step * step, step)
    alert = Alert(starts_ns=start_ns, labels={"service": service} if service else {})
    evidence = collect(sources, section, alert, window=window)
    if sources.metrics is not None and not evidence.series.height:
        _ask_once_more(sources.metrics, window)
    return diagnose(evidence, section)


def nanoseconds(text: str) -> int:
    """A moment in ISO 8601 as nanoseconds UTC, which it is in unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time; write it as 2026-11-23T12:00:00") from None
    utc = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(utc.timestamp() * 1000) * 1_000_000


def _ask_once_more(metrics: MetricSource, window: Window) -> None:
    """Tell a server that is away from one that has nothing to say of the window."""
    try:
        metrics.range(str(foreign.UP.value), window.end_ns, window.end_ns, window.step_ns)
    except SourceError as error:
        raise ServerMissingError(str(error)) from None
