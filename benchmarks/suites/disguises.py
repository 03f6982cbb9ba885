"""The same cases under other looks: names, units, order, clock, a modality dropped, a tenth lost.

Layout: those of `petshop`, `nezha` and `incidents`; whichever lie below the folder are disguised
and judged again. Of what is lost at random, the mean over several draws is told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import disguise
from benchmarks.disguise import LOOKS, PLAIN, SHARE_LOST, Copy, Look
from benchmarks.suites import incidents, nezha, petshop
from benchmarks.suites.result import NoLayoutError, Result


@dataclass(frozen=True)
class Set:
    """One benchmark: how its data are disguised, what can be dropped, how often is drawn."""

    copy: Copy
    run: Any
    first: str
    third: str
    without: tuple[str, ...]
    draws: int


SETS: Final[Mapping[str, Set]] = {
    "petshop": Set(
        disguise.petshop, petshop.run, "top_1", "top_3", ("usual", "requests"), draws=10
    ),
    "nezha": Set(
        disguise.nezha, nezha.run, "as_1", "as_3", ("metric", "trace", "log"), draws=2
    ),
    "incidents": Set(
        disguise.incidents, incidents.run, "top_1", "top_3",
        ("spans", "logs", "gpu:", "node:", "llm:replica"), draws=1,
    ),
}  # fmt: skip


def run(data: Path) -> Result:
    """Judge every set below `data` under every look; none is a NoLayoutError."""
    rows = [row for name, found in SETS.items() for row in _judged(name, found, data)]
    if not rows:
        raise NoLayoutError(f"no set of {', '.join(SETS)} below {data}")
    worst = {
        f"{name}_largest_fall": max(
            (row["fall"] for row in rows if row["set"] == name and row["bar"]), default=None
        )
        for name in SETS
    }
    return Result("disguises", worst, rows, columns=("id", "first", "third", "fall", "bar"))


def looks(found: Set) -> list[Look]:
    """Every look of a set: what must change nothing, what is dropped, what is lost."""
    dropped = [Look(f"without {one}", without=one) for one in found.without]
    return [*LOOKS, *dropped, Look("a tenth lost", lost=SHARE_LOST)]


def _judged(name: str, found: Set, data: Path) -> list[dict[str, Any]]:
    try:
        plain = found.run(data).summary
    except NoLayoutError:
        return []
    rows = [_row(name, PLAIN, [plain], found, plain)]
    for look in looks(found):
        draws = [replace(look, seed=seed) for seed in range(found.draws if look.lost else 1)]
        rows.append(_row(name, look, [_under(one, found, data) for one in draws], found, plain))
    return rows


def _under(look: Look, found: Set, data: Path) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found.copy(data, Path(folder) / "set", look)
        summary: Mapping[str, Any] = found.run(Path(folder)).summary
        return summary


def _row(
    name: str, look: Look, said: list[Mapping[str, Any]], found: Set, plain: Mapping[str, Any]
) -> dict[str, Any]:
    first, third = (
        float(np.mean([one[key] for one in said])) for key in (found.first, found.third)
    )
    return {
        "id": f"{name}, {look.name}",
        "set": name,
        "first": first,
        "third": third,
        "fall": plain[found.first] - first,
        "bar": None if look.without else 0.03,
    }
