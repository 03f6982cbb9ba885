"""Turn the JSON of a series of runs into the page docs/demo.md: `python -m demo.record FILE`."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.outcome import Outcome
from demo.series import read

PAGE = Path("docs/demo.md")
HEAD = """\
# The demo, measured

Made by `python -m demo.record RUNS.json` from `busysignal demo --fault all --seeds N --json
RUNS.json`. Each line is one run on real servers: a fresh service, half a minute of health, the
fault, the page, the verdict. *Page* is the time from injection to the pager, *verdict* from the
page to the verdict; memory is the sum of all processes, each at its worst.
"""


def page(outcomes: Sequence[Outcome], machine: str) -> str:
    """The whole page as Markdown."""
    met = sum(outcome.met for outcome in outcomes)
    parts = [
        HEAD,
        f"{machine} **{met} of {len(outcomes)}** outcomes came as declared.\n",
        _by_fault(outcomes),
        "## Every run\n",
        _every(outcomes),
    ]
    return "\n".join(parts)


def _by_fault(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "Seconds are medians, the worst in brackets.\n",
        "| fault | as declared | page s | verdict s | whole run s |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(outcome.fault for outcome in outcomes):
        runs = [outcome for outcome in outcomes if outcome.fault == name]
        lines.append(
            f"| {name} | {sum(run.met for run in runs)} of {len(runs)} "
            f"| {_spread([run.page_seconds for run in runs])} "
            f"| {_spread([run.verdict_seconds for run in runs])} "
            f"| {statistics.median(run.seconds for run in runs):.0f} |"
        )
    return "\n".join(lines) + "\n"


def _every(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "| fault | seed | declared | named | rank | page s | verdict s | GiB | outcome |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.fault} | {one.seed} | {one.expected} | {one.named} | {one.rank or '–'} "
        f"| {_seconds(one.page_seconds)} | {_seconds(one.verdict_seconds)} "
        f"| {one.peak_bytes / 2**30:.1f} | {'ok' if one.met else f'**missed**: {one.why}'} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.1f} ({max(known):.1f})" if known else "–"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    PAGE.write_text(page(read(Path(sys.argv[1])), " ".join(sys.argv[2:])), encoding="utf-8")
