"""One verdict on a window of the past, asked for by a person."""

from __future__ import annotations

from analysis.collect import Sources, collect
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import SECOND, Alert, Window
from analysis.verdict import Verdict
from exporters.errors import UsageError


def verdict_on(
    sources: Sources,
    section: AnalysisSection,
    *,
    start_ns: int,
    end_ns: int,
    service: str | None = None,
) -> Verdict:
    """Diagnose [start_ns, end_ns] against the stretch before it; nanoseconds UTC.

    Raises UsageError when the window is empty.
    """
    if end_ns <= start_ns:
        raise UsageError("the window is empty: --to is not after --from; give a later --to")
    step = int(section.step * SECOND)
    baseline = start_ns - int(section.baseline * SECOND)
    window = Window(baseline // step * step, start_ns // step * step, end_ns // step * step, step)
    alert = Alert(starts_ns=start_ns, labels={"service": service} if service else {})
    return diagnose(collect(sources, section, alert, window=window), section)
