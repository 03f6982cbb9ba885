"""When a score is an alarm: once as it rises, and again only if it is worse or much later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.detectors.calibration import Floats


class Latch:
    """Turn a score into separate alarms, online.

    An alarm holds for a while: within it, only a score `worse` times the last alarm's is another.

    Args:
        threshold: the score from which a row is an alarm.
        hold: rows for which an alarm holds, given the row's index.
        worse: factor over the last alarm's score that breaks the hold.
    """

    def __init__(self, threshold: float, hold: Callable[[int], float], worse: float = 1.5) -> None:
        self.threshold = threshold
        self.hold = hold
        self.worse = worse
        self._row = 0
        self._last = -np.inf
        self._peak = 0.0

    def extend(self, scores: Floats) -> Floats:
        """The score where a row is an alarm, else 0; NaN is no alarm."""
        alarms = np.zeros(len(scores))
        for row in np.flatnonzero(scores >= self.threshold):
            index = self._row + int(row)
            score = float(scores[row])
            held = index - self._last < self.hold(index)
            if held and score <= self._peak * self.worse:
                continue
            alarms[row] = score
            self._last, self._peak = index, score
        self._row += len(scores)
        return alarms
