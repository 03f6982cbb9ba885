"""Head sampling: a share of traces, chosen by their ids alike in every process."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

RANDOM_BITS = 56
"""The low bits of a trace id are random (W3C Trace Context, level 2)."""


class RatioSampler(Sampler):
    """Keeps `ratio` of the traces that begin here.

    The threshold goes into the trace state as OpenTelemetry defines it (`ot=th:...`): every
    process that the trace comes to knows how many traces this one stands for.
    """

    def __init__(self, ratio: float) -> None:
        self._threshold = round((1.0 - ratio) * 2**RANDOM_BITS)
        digits = f"{self._threshold:014x}".rstrip("0") or "0"
        self._state = TraceState([("ot", f"th:{digits}")])
        self._name = f"RatioSampler{{{ratio}}}"

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Keep the trace if the random part of its id is at or above the threshold."""
        if trace_id & (2**RANDOM_BITS - 1) < self._threshold:
            return SamplingResult(Decision.DROP)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, self._state)

    def get_description(self) -> str:
        """Name it for people."""
        return self._name


def sampler(ratio: float) -> Sampler:
    """Follow the caller's decision; of traces that begin here keep `ratio`."""
    return ParentBased(ALWAYS_ON if ratio >= 1 else RatioSampler(ratio))
