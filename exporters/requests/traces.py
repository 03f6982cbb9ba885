"""The trace under way, told by OpenTelemetry: `RequestMetrics(trace_id=sampled_trace)`."""

from __future__ import annotations

from opentelemetry import trace


def sampled_trace() -> str | None:
    """The id of the current span's trace, 32 hex digits, if it is sampled; None else."""
    context = trace.get_current_span().get_span_context()
    if not context.trace_flags.sampled or not context.is_valid:
        return None
    return trace.format_trace_id(context.trace_id)
