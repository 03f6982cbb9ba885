"""What users feel: which of the service's own signals left its level, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.detectors import Shift
from analysis.rootcause import degrees
from analysis.rootcause.measures import Measures

SHARES = ("error_share", "rejected_share", "failed_share")
LATENCIES = ("duration_p99", "duration_p50", "first_token_p99")
FELT = 0.3
"""From this degree on users feel it."""


@dataclass(frozen=True)
class Symptom:
    """The signal that moved most; `degree` 0 when users feel nothing."""

    entity: str
    quantity: str
    before: float
    after: float
    degree: float
    since_ns: int | None

    @property
    def felt(self) -> bool:
        return self.degree >= FELT


def find(measures: Measures, service: str, fallback: str = "duration_p99") -> Symptom:
    """The strongest symptom; errors before latency when both are as strong."""
    entity = f"service/{service}"
    found = []
    for rank, quantity in enumerate((*SHARES, *LATENCIES)):
        shift = measures.shift(entity, quantity)
        degree = _degree(quantity, shift)
        if shift is not None and degree:
            found.append((-degree, rank, quantity, shift))
    if not found:
        known = measures.shift(entity, fallback)
        before, after = (known.before, known.after) if known else (0.0, 0.0)
        return Symptom(entity, fallback, before, after, 0.0, None)
    strength, _, quantity, shift = min(found, key=lambda item: item[:2])
    since = [
        onset
        for negative, _, name, _ in found
        if -negative >= FELT and (onset := measures.onset(entity, name)) is not None
    ]
    return Symptom(entity, quantity, shift.before, shift.after, -strength, min(since, default=None))


def _degree(quantity: str, shift: Shift | None) -> float:
    if quantity in SHARES:
        return degrees.share_rise(shift) or 0.0
    return degrees.rise(shift, 1.3, 2.0) or 0.0
