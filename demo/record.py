"""Turn the JSON of series of runs into docs/demo.md: `python -m demo.record FILES TEXT`."""

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
        "| engine | fault | as declared | page s | verdict s | whole run s |",
        "|---|---|---|---|---|---|",
    ]
    for engine, name in dict.fromkeys((one.engine, one.fault) for one in outcomes):
        runs = [one for one in outcomes if (one.engine, one.fault) == (engine, name)]
        lines.append(
            f"| {engine} | {name} | {sum(run.met for run in runs)} of {len(runs)} "
            f"| {_spread([run.page_seconds for run in runs])} "
            f"| {_spread([run.verdict_seconds for run in runs])} "
            f"| {statistics.median(run.seconds for run in runs):.0f} |"
        )
    return "\n".join(lines) + "\n"


def _every(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "| engine | fault | seed | declared | named | rank | page s | verdict s | GiB | outcome |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.engine} | {one.fault} | {one.seed} "
        f"| {one.expected} | {one.named} | {one.rank or '–'} "
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


def main(arguments: Sequence[str]) -> None:
    """Write the page from the files among the arguments; the rest says where and when they ran."""
    files = [Path(one) for one in arguments if one.endswith(".json")]
    machine = " ".join(one for one in arguments if not one.endswith(".json"))
    runs = [outcome for file in files for outcome in read(file)]
    PAGE.write_text(page(runs, machine), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
