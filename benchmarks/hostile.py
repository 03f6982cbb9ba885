"""Verdicts on noise and on hostile inputs: none may crash, and hardly any may name a cause.

    python -m benchmarks.hostile [COUNT] [--seed SEED] [--json FILE]

Six of ten inputs are pure noise, of seven sorts; the others are white noise to which a source did
what no healthy source would. Each goes the whole way: diagnosis, page, terminal text, HTML report,
and the verdict's JSON read back; in English and in Chinese by turns.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from alerts.messages import Language
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import Evidence
from analysis.page import PAGE_LIMIT, render_page, render_text
from analysis.report import page
from analysis.verdict import Verdict
from benchmarks._hostile import HARMS, hostile
from benchmarks._nonsense import SORTS, noise
from benchmarks._rounds import table, write_json

COUNT: Final = 10_000
ALLOWED: Final = 0.02
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
NOISE_SHARE: Final = 6
RARE: Final = {"many_entities": 20}
"""Inputs that take seconds come only so often as one in so many of their turn."""


@dataclass
class Told:
    """What became of the inputs of one kind."""

    inputs: int = 0
    named: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def confident(self) -> int:
        return sum(self.named.values())


def kinds(count: int) -> Iterator[str]:
    """The kind of each input: noise and harm by turns."""
    sorts, harms = list(SORTS), list(HARMS)
    for number in range(count):
        turn, place = divmod(number, 10)
        if place < NOISE_SHARE:
            yield sorts[(turn * NOISE_SHARE + place) % len(sorts)]
            continue
        drawn = turn * (10 - NOISE_SHARE) + place - NOISE_SHARE
        kind = harms[drawn % len(harms)]
        rare = drawn // len(harms) % RARE.get(kind, 1) != 0
        yield "nan_and_infinite" if rare else kind


def evidence(kind: str, seed: int, number: int) -> Evidence:
    """The input with this number; the same seed gives the same one."""
    rng = np.random.default_rng([seed, number])
    return noise(SORTS[kind], rng) if kind in SORTS else hostile(HARMS[kind], rng)


def measure(count: int, seed: int) -> dict[str, Told]:
    """Judge so many inputs, each the whole way to people."""
    told = {name: Told() for name in (*SORTS, *HARMS)}
    for number, kind in enumerate(kinds(count)):
        if number % 500 == 0:
            print(f"{number} of {count}", file=sys.stderr, flush=True)
        one = told[kind]
        one.inputs += 1
        began = time.process_time()
        try:
            verdict = judged(evidence(kind, seed, number), LANGUAGES[number % 2])
        except Exception as error:  # noqa: BLE001  that nothing is raised is what is measured
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(at.filename).name}:{at.lineno}"
            one.crashes.append(f"{kind} {seed}/{number}: {type(error).__name__} at {where}")
            print(one.crashes[-1], file=sys.stderr, flush=True)
            continue
        one.slowest = max(one.slowest, time.process_time() - began)
        if verdict.result == "named" and verdict.first:
            one.named[f"{kind} {seed}/{number}: {verdict.first.kind}"] += 1
            print(*list(one.named)[-1:], file=sys.stderr, flush=True)
    return told


def judged(evidence: Evidence, language: Language = "en") -> Verdict:
    """The verdict, after every form of it was made and read back."""
    verdict = diagnose(evidence, AnalysisSection(language=language))
    assert len(render_page(verdict).partition("\n\n")[0]) <= PAGE_LIMIT
    assert render_text(verdict)
    assert page(evidence, verdict).endswith("</html>\n")
    assert Verdict.from_json(verdict.to_json()).result == verdict.result
    return verdict


def _rows(told: dict[str, Told]) -> list[tuple[str, ...]]:
    return [
        (name, f"{one.inputs:,}", str(len(one.crashes)), str(one.confident),
         f"{100 * one.confident / max(1, one.inputs):.2f} %", f"{one.slowest:.2f} s")
        for name, one in told.items()
    ]  # fmt: skip


def summed(told: dict[str, Told], names: dict[str, object]) -> Told:
    """All kinds of `names` as one."""
    total = Told()
    for name in names:
        one = told[name]
        total.inputs += one.inputs
        total.named += one.named
        total.crashes += one.crashes
        total.slowest = max(total.slowest, one.slowest)
    return total


def main(arguments: list[str]) -> int:
    """Print the table; exit status 1 on a crash, or where more than 2 % are named."""
    parser = argparse.ArgumentParser(prog="benchmarks.hostile")
    parser.add_argument("count", type=int, nargs="?", default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    told = measure(asked.count, asked.seed)
    totals = {
        "all noise": summed(told, dict(SORTS)), "all hostile": summed(told, dict(HARMS)),
        "all": summed(told, dict(told)),
    }  # fmt: skip
    head = ("input", "count", "crashes", "named", "share", "slowest, CPU")
    print(table(head, _rows({**told, **totals})))
    for line in (*totals["all"].crashes[:20], *sorted(totals["all"].named)[:60]):
        print(line)
    if asked.json:
        rows = [dict(zip(head, row, strict=True)) for row in _rows({**told, **totals})]
        write_json(asked.json, {"seed": asked.seed, "rows": rows})
    shares = [totals[name].confident / max(1, totals[name].inputs) for name in totals]
    return int(bool(totals["all"].crashes) or max(shares) > ALLOWED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
