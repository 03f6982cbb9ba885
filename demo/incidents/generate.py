"""From a seed to folders of incidents, one process per core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo.incidents import incident
from demo.incidents.faults import KNOWN
from demo.incidents.outside import OUTSIDE
from exporters.errors import UsageError

HEALTHY_CARDS, OUTSIDE_CARDS = 5, 4
"""In each round of one card per known kind."""


@dataclass(frozen=True)
class Wanted:
    """One incident to make."""

    number: int
    kind: str
    seed: str
    folder: Path


def kinds(seed: int) -> Iterator[str]:
    """Endless kinds, each round shuffled: every known one, healthy ones, some outside the list."""
    rng = Random(f"{seed}/kinds")
    outside = sorted(OUTSIDE)
    known = [kind for kind in KNOWN if kind != "none"]
    while True:
        cards = [*known, *["none"] * HEALTHY_CARDS, *rng.choices(outside, k=OUTSIDE_CARDS)]
        rng.shuffle(cards)
        yield from cards


def wanted(seed: int, count: int, out: Path) -> list[Wanted]:
    """What the seed asks for; a longer list begins with the shorter one."""
    return [
        Wanted(number, kind, f"{seed}/{number}", out / f"incident-{number:04d}")
        for number, kind in zip(range(count), kinds(seed), strict=False)
    ]


def generate(seed: int, count: int, out: Path, *, processes: int | None = None) -> list[Path]:
    """Write `count` incidents below `out`; the same seed gives the same bytes.

    Raises UsageError when `out` already holds something.
    """
    if count < 1:
        raise UsageError(f"--count {count} makes no incident; give 1 or more")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out} is not empty; name a new folder")
    every = wanted(seed, count, out)
    workers = min(processes or os.cpu_count() or 1, count)
    if workers == 1:
        return [_make(one) for one in every]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_make, every, chunksize=1))


def _make(one: Wanted) -> Path:
    incident.make(one.kind, one.seed, one.folder)
    return one.folder
