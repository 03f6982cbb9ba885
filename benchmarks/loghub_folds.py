"""Would the templates' thresholds have been chosen as well without the set they are measured on?

`python -m benchmarks.loghub_folds DIR` leaves each set out in turn, takes the thresholds that are
best on the others (ties: the ones in use) and measures them on it.
"""

from __future__ import annotations

import itertools
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analysis.templates import mine
from benchmarks._rounds import table
from benchmarks.suites import loghub

USED: Final = (mine.FEW, mine.FREQUENT, mine.MANY_HEADS)
GRID: Final = tuple(itertools.product((2, 3, 4, 5), (0.4, 0.5, 0.6), (20, 30, 40)))
Choice = tuple[int, float, int]


def main(arguments: Sequence[str]) -> int:
    """Print what each set scores with the others' thresholds."""
    paths = sorted(Path(arguments[0]).rglob(loghub.LAYOUT))
    scores = {choice: measured(choice, paths) for choice in GRID}
    mine.FEW, mine.FREQUENT, mine.MANY_HEADS = USED  # type: ignore[misc]
    chosen = [_best(scores, left) for left in range(len(paths))]
    found = [scores[choice][place] for place, choice in enumerate(chosen)]
    rows = [
        (path.parent.name, *map(str, choice), f"{score:.4f}")
        for path, choice, score in zip(paths, chosen, found, strict=True)
    ]
    means = [statistics.fmean(each) for each in scores.values()]
    sys.stdout.write(
        f"{table(('left out', 'few', 'frequent', 'heads', 'accuracy'), rows)}\n\n"
        f"in use: {statistics.fmean(scores[USED]):.4f}; left out one by one: "
        f"{statistics.fmean(found):.4f}; all {len(GRID)} choices: {min(means):.4f} to "
        f"{max(means):.4f}\n"
    )
    return 0


def measured(choice: Choice, paths: Sequence[Path]) -> list[float]:
    """Accuracy of every set with these thresholds."""
    # They are constants of the product: it has one configuration, and only this asks for others.
    mine.FEW, mine.FREQUENT, mine.MANY_HEADS = choice  # type: ignore[misc]
    sets = [loghub.read(path) for path in paths]
    return [loghub.accuracy(loghub.ours(lines), truth) for lines, truth in sets]


def _best(scores: dict[Choice, list[float]], left: int) -> Choice:
    def on_others(choice: Choice) -> tuple[float, bool]:
        return sum(s for i, s in enumerate(scores[choice]) if i != left), choice == USED

    return max(scores, key=on_others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
