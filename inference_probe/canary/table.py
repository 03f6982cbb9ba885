"""One look at all endpoints as a table for a person at a shell."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from inference_probe.canary.attempt import Attempt

COLUMNS = (
    "endpoint", "model", "outcome", "status", "resolve", "connect", "TLS", "first token",
    "inter-token", "total", "tokens",
)  # fmt: skip
LEFT = 3


def show(attempts: Sequence[Attempt], console: Console | None = None) -> None:
    """Print one line for each attempt, and below what was wrong."""
    console = console or Console()
    table = Table(title="endpoints", title_justify="left")
    for index, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if index < LEFT else "right", no_wrap=True)
    for attempt in attempts:
        table.add_row(*_row(attempt), style=None if attempt.is_ok else "red")
    console.print(table)
    for attempt in attempts:
        if not attempt.is_ok:
            console.print(f"{attempt.endpoint}: {_said(attempt)}", markup=False, highlight=False)


def _row(attempt: Attempt) -> tuple[str, ...]:
    again = f" (retry {attempt.number})" if attempt.number else ""
    phase = attempt.phases.get
    return (
        escape(attempt.endpoint) + again,
        escape(attempt.model),
        attempt.outcome,
        "–" if attempt.status is None else str(attempt.status),
        _milliseconds(phase("resolve")),
        _milliseconds(phase("connect")),
        _milliseconds(phase("tls")),
        _milliseconds(attempt.first_token),
        _milliseconds(median(attempt.gaps) if attempt.gaps else None),
        _milliseconds(attempt.total),
        "–" if attempt.tokens is None else str(attempt.tokens),
    )


def _said(attempt: Attempt) -> str:
    parts = [attempt.detail or attempt.outcome]
    if attempt.busy_reason:
        parts.append(f"reason {attempt.busy_reason}")
    if attempt.retry_after is not None:
        parts.append(f"asked to come back in {attempt.retry_after:g} s")
    return ", ".join([*parts, f"request {attempt.request_id}"])


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1e3 * seconds:,.1f} ms"
