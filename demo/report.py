"""What a person sees of the demo: progress, the page's text, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import rich.console
from rich.table import Table

from analysis.page import render_text
from analysis.verdict import Verdict as VerdictModel
from demo.faults import FAULTS
from demo.outcome import Outcome, Verdict

OUT = rich.console.Console(highlight=False, soft_wrap=True)
if not OUT.is_terminal:
    OUT.width = 160  # a table in a file need not fit a screen


class Console:
    """Prints each step with the seconds since the start; a spinner on a terminal."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._status = OUT.status("starting servers")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()

    def say(self, line: str) -> None:
        self._status.update(line)
        OUT.print(f"[dim]{time.monotonic() - self._started:5.0f} s[/dim]  {line}")

    def heading(self, line: str) -> None:
        OUT.print(f"\n[bold]{line}[/bold]")

    def verdict(self, verdict: Verdict) -> None:
        OUT.print()
        OUT.print(render_text(VerdictModel.model_validate(verdict)), markup=False)
        OUT.print()

    def outcome(self, outcome: Outcome) -> None:
        colour, word = ("green", "as declared") if outcome.met else ("red", "MISSED")
        self.say(f"[{colour}]{word}[/{colour}]: {outcome.why or outcome.named}")


def tell_faults() -> None:
    """Print every fault with the outcome it declares."""
    grid = Table(box=None, pad_edge=False)
    for column in ("fault", "what happens", "declared outcome", "engines"):
        grid.add_column(column)
    for fault in FAULTS.values():
        engines = " ".join(fault.engines)
        grid.add_row(fault.name, fault.says, _declared(fault.name), engines)
    OUT.print(grid)


def table(outcomes: Sequence[Outcome]) -> None:
    """Print one line for each run."""
    grid = Table(title="Runs", title_justify="left")
    for column in (
        "engine", "fault", "seed", "declared", "named", "rank", "page s", "verdict s", "GiB", "",
    ):  # fmt: skip
        grid.add_column(column, justify="right" if column in {"seed", "rank", "GiB"} else "left")
    for one in outcomes:
        grid.add_row(
            one.engine, one.fault, str(one.seed), one.expected, one.named, str(one.rank or "–"),
            _seconds(one.page_seconds), _seconds(one.verdict_seconds),
            f"{one.peak_bytes / 2**30:.1f}", "ok" if one.met else f"MISSED: {one.why}",
        )  # fmt: skip
    OUT.print(grid)
    OUT.print(f"{sum(one.met for one in outcomes)} of {len(outcomes)} outcomes as declared")


def _declared(name: str) -> str:
    expected = FAULTS[name].expected
    if not expected.page:
        return "no page"
    if expected.abstained:
        return f"a page; the verdict abstains and names {expected.entity} as missing"
    return f"a page; {expected.kind} at {expected.entity}"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"
