"""The Numenta Anomaly Benchmark's score: early alarms in labelled windows, few outside them.

Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015 (arXiv 1510.03336).
A window's first alarm earns a sigmoid of its place, 1 at the left edge and 0 at the right; an
alarm outside costs up to the profile's weight, less just after a window; a window without an alarm
costs 1 (2 where misses are dear). 0 is silence, 100 is an alarm at the left edge of each window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Window = tuple[int, int]

OUTSIDE: Final = -1
PROBATION_SHARE: Final = 0.15
PROBATION_ROWS: Final = 5000


@dataclass(frozen=True)
class Profile:
    """What an alarm outside all windows and a window without alarm cost."""

    false_alarm: float
    miss: float


PROFILES: Final = {
    "standard": Profile(0.11, 1.0),
    "low_fp": Profile(0.22, 1.0),
    "low_fn": Profile(0.11, 2.0),
}


@dataclass(frozen=True)
class Alarms:
    """The scored rows of one series: score, worth by place, and window (or OUTSIDE)."""

    scores: Floats
    worth: Floats
    window: NDArray[np.int64]
    windows: int


def probation(rows: int) -> int:
    """Rows at the beginning that are not scored."""
    return int(min(PROBATION_SHARE * rows, PROBATION_SHARE * PROBATION_ROWS))


def place(scores: Floats, windows: Sequence[Window]) -> Alarms:
    """Rows with a score above 0, after probation; `windows` are first and last rows, in order."""
    rows = len(scores)
    row = np.arange(rows)
    worth, inside = np.full(rows, -1.0), np.full(rows, OUTSIDE)
    for first, last in windows:
        past = (row[last + 1 :] - last) / max(last - first, 1)
        worth[last + 1 :] = _sigmoid(past)
    for index, (first, last) in enumerate(windows):
        width = last - first + 1
        worth[first : last + 1] = _sigmoid((row[first : last + 1] - last - 1) / width) / BEST
        inside[first : last + 1] = index
    raised = np.flatnonzero(scores > 0)
    raised = raised[raised >= probation(rows)]
    return Alarms(scores[raised], worth[raised], inside[raised], len(windows))


def sweep(series: Sequence[Alarms], profile: Profile) -> tuple[Floats, Floats]:
    """Every threshold, falling, and the score (silence is 0, not yet normalised) at each."""
    gains = [_gains(alarms, profile) for alarms in series]
    scores = np.concatenate(
        [alarms.scores[order] for alarms, (order, _) in zip(series, gains, strict=True)]
    )
    gained = np.concatenate([gain for _, gain in gains])
    order = np.argsort(-scores, kind="stable")
    scores, total = scores[order], np.cumsum(gained[order])
    last = np.append(np.diff(scores) != 0, np.full(min(len(scores), 1), fill_value=True))
    return scores[last], total[last]


def normalised(total: float, series: Sequence[Alarms], profile: Profile) -> float:
    """Score from 0 (silence) to 100 (perfect); 0 where nothing is labelled."""
    windows = sum(alarms.windows for alarms in series)
    return 100 * float(total) / (windows * (1 + profile.miss)) if windows else 0.0


def best(series: Sequence[Alarms], profile: Profile) -> tuple[float, float]:
    """The best score over all thresholds, and that threshold: what NAB publishes."""
    thresholds, totals = sweep(series, profile)
    if not len(totals) or totals.max() <= 0:
        return 0.0, np.inf
    top = int(totals.argmax())
    return normalised(totals[top], series, profile), float(thresholds[top])


def at(series: Sequence[Alarms], profile: Profile, threshold: float) -> float:
    """The score at one threshold, not yet normalised."""
    thresholds, totals = sweep(series, profile)
    reached = np.flatnonzero(thresholds >= threshold)
    return float(totals[reached[-1]]) if len(reached) else 0.0


def halved(series: Sequence[Alarms], profile: Profile, splits: int = 10) -> float:
    """The score with the threshold fitted on a random half of the series, scored on the other.

    Both halves in turn, mean over seeded splits.
    """
    chance = np.random.default_rng(0)
    totals = []
    for _ in range(splits):
        order = chance.permutation(len(series))
        halves = [[series[i] for i in part] for part in np.array_split(order, 2)]
        totals += [
            sum(
                at(scored, profile, best(fitted, profile)[1])
                for fitted, scored in (halves, halves[::-1])
            )
        ]
    return normalised(float(np.mean(totals)), series, profile)


def _gains(alarms: Alarms, profile: Profile) -> tuple[NDArray[np.int64], Floats]:
    """Rows by falling score, and what each adds to the total when the threshold reaches it."""
    order = np.argsort(-alarms.scores, kind="stable")
    gains = np.where(
        alarms.window[order] == OUTSIDE, profile.false_alarm * alarms.worth[order], 0.0
    )
    earned: dict[int, float] = {}
    for position in np.flatnonzero(alarms.window[order] != OUTSIDE):
        window = int(alarms.window[order[position]])
        worth = float(alarms.worth[order[position]])
        before = earned.get(window, -profile.miss)
        earned[window] = max(before, worth)
        gains[position] = earned[window] - before
    return order, gains


def _sigmoid(place: Floats) -> Floats:
    """1 well before 0, 0 at 0, -1 from 3 on."""
    return np.where(place > 3.0, -1.0, 2 / (1 + np.exp(5 * np.minimum(place, 3.0))) - 1)


BEST: Final = float(_sigmoid(np.array(-1.0)))
