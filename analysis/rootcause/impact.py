"""What the incident cost so far, as far as it was measured."""

from __future__ import annotations

import polars as pl

from analysis.evidence import SECOND, Evidence
from analysis.rootcause.measures import Measures
from analysis.rootcause.symptom import Symptom
from analysis.verdict import Impact

BAD = ("rejected", "error", "failed_midstream", "timeout")


def impact(evidence: Evidence, measures: Measures, symptom: Symptom) -> Impact:
    """Failed requests beyond what health had; the rest needs billing data and stays null."""
    if not symptom.felt:
        return Impact()
    rows = evidence.series.filter(
        (pl.col("quantity") == "outcomes")
        & pl.col("part").is_in(BAD)
        & (pl.col("ts_ns") >= evidence.window.start_ns)
    )
    if not rows.height:
        return Impact()
    seconds = evidence.window.step_ns / SECOND
    usual = sum(
        shift.before
        for part, shift in measures.parts(symptom.entity, "outcomes").items()
        if part in BAD
    )
    length = (evidence.window.end_ns - evidence.window.start_ns) / SECOND
    failed = float(rows["value"].sum()) * seconds - usual * length
    return Impact(requests_failed=max(0.0, round(failed, 1)))
