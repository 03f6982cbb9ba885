"""From a seed to folders of incidents, one process per core."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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

TWO = "two"
"""Two causes at once, drawn anew for each card."""
ALONE = ("none", "telemetry_gap")
"""Kinds that are no second cause."""
CLASHES = (
    {"traffic_mix", "kv_cache_exhaustion"}, {"slow_replica", "retry_storm", "storage_slow"},
    {"bad_deploy", "gpu_fault"},
)  # fmt: skip
"""Kinds that turn the same knob, so that the later one would undo the other."""


@dataclass(frozen=True)
class Wanted:
    """One incident to make."""

    number: int
    kind: str
    seed: str
    folder: Path


def kinds(seed: int, only: Sequence[str] = ()) -> Iterator[str]:
    """Endless kinds, each round shuffled: every known one, healthy ones, some outside the list.

    With `only`, each round holds these alone.
    """
    rng = Random(f"{seed}/kinds")
    outside = sorted(OUTSIDE)
    known = [kind for kind in KNOWN if kind != "none"]
    while True:
        cards = [*known, *["none"] * HEALTHY_CARDS, *rng.choices(outside, k=OUTSIDE_CARDS)]
        cards = list(only) or cards
        rng.shuffle(cards)
        yield from (_two(rng) if card == TWO else card for card in cards)


def _two(rng: Random) -> str:
    known = [kind for kind in KNOWN if kind not in ALONE]
    while True:
        drawn = rng.sample(known, 2)
        if not any(clash.issuperset(drawn) for clash in CLASHES):
            return "+".join(drawn)


def wanted(seed: int, count: int, out: Path, only: Sequence[str] = ()) -> list[Wanted]:
    """What the seed asks for; a longer list begins with the shorter one."""
    return [
        Wanted(number, kind, f"{seed}/{number}", out / f"incident-{number:04d}")
        for number, kind in zip(range(count), kinds(seed, only), strict=False)
    ]


def generate(
    seed: int, count: int, out: Path, *, only: Sequence[str] = (), processes: int | None = None
) -> list[Path]:
    """Write `count` incidents below `out`, of the kinds in `only` where there are any.

    The same seed gives the same bytes. Raises UsageError for a kind that cannot be made, and when
    `out` already holds something.
    """
    if count < 1:
        raise UsageError(f"--count {count} makes no incident; give 1 or more")
    makes = (*KNOWN, *OUTSIDE, TWO)
    strange = next((kind for kind in only if kind not in makes), None)
    if strange is not None:
        raise UsageError(f"--kind {strange!r} cannot be made; there are: {', '.join(makes)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out} is not empty; name a new folder")
    every = wanted(seed, count, out, only)
    workers = min(processes or os.cpu_count() or 1, count)
    if workers == 1:
        return [_make(one) for one in every]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_make, every, chunksize=1))


def _make(one: Wanted) -> Path:
    incident.make(one.kind, one.seed, one.folder)
    return one.folder
