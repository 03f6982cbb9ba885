"""How much of the device the probe takes, and how long it rests for that."""

from __future__ import annotations

from collections import defaultdict, deque
from statistics import median
from typing import Final

USUAL_SAMPLES: Final = 9
STALL_RATIO: Final = 3.0
"""A sample that took this many times its usual time was waiting for others beyond that."""
LONGEST_REST: Final = 600.0
"""Seconds; a device slower than the duty allows for is still looked at this often."""
DUTY_ROUNDS: Final = 60


class Pacer:
    """Charges samples to the duty and turns the charge into rest.

    A round that stalls must not make the probe blind for hours: time beyond three times the usual
    is another's, and no rest is longer than ten minutes (or the interval, if that is longer). A
    device that is lastingly too slow for its duty therefore exceeds it, which `duty` tells.
    """

    def __init__(self, interval_seconds: float, duty_ratio: float) -> None:
        self._interval = interval_seconds
        self._duty = duty_ratio
        self._usual: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=USUAL_SAMPLES))
        self._rounds: deque[tuple[float, float]] = deque(maxlen=DUTY_ROUNDS)

    def charge(self, kernel: str, busy_seconds: float) -> float:
        """The device seconds of one sample that were the probe's own."""
        usual = self._usual[kernel]
        most = STALL_RATIO * median(usual) if usual else busy_seconds
        usual.append(busy_seconds)
        return min(busy_seconds, most)

    def period(self, charged: float) -> float:
        """Seconds from the start of a round that cost so much to the start of the next."""
        longest = max(self._interval, LONGEST_REST)
        return min(max(self._interval, charged / self._duty), longest)

    def note(self, charged: float, period: float) -> None:
        """A round is over: what it cost, and how long until the next began."""
        self._rounds.append((charged, period))

    @property
    def duty(self) -> float | None:
        """Share of the device's time taken over the last rounds; None before the first."""
        elapsed = sum(period for _, period in self._rounds)
        return sum(charged for charged, _ in self._rounds) / elapsed if elapsed else None
