"""Durations as Prometheus writes them, and the one scale that all of them go through."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
FURTHER = {"y": Fraction(365 * 86400), "w": Fraction(7 * 86400), "ms": Fraction(1, 1000)}
"""Units that Prometheus takes and that we do not write."""
SCRAPES_PER_WINDOW = 4
"""A rate needs two samples; four survive one lost scrape at either end."""


def parse(text: str) -> Fraction:
    """Seconds of `1h30m`, `5m`, `15s`, `500ms`, `2w`.

    Raises ValueError when the text is no duration.
    """
    if not re.fullmatch(r"(\d+(ms|[ywdhms]))+", text):
        raise ValueError(f"{text!r} is no duration; write 30s, 5m, 1h30m or 3d")
    pairs = re.findall(r"(\d+)(ms|[ywdhms])", text)
    return sum(
        (int(number) * Fraction((FURTHER | UNITS)[unit]) for number, unit in pairs), Fraction()
    )


def write(seconds: Fraction | int) -> str:
    """`1h30m` for 5400; parts of a second are written as milliseconds, rounded up."""
    if seconds != int(seconds):
        return f"{math.ceil(seconds * 1000)}ms"
    rest, parts = int(seconds), []
    for unit, size in UNITS.items():
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


@dataclass(frozen=True)
class Scale:
    """Divides every duration of the rules by one factor; a demo lives sixty times faster."""

    factor: Fraction
    scrape_seconds: Fraction

    def wait(self, text: str) -> str:
        """Scale a time to wait (`for`, `group_wait`, `keep_firing_for`), at least one second."""
        return write(max(1, math.ceil(parse(text) / self.factor)))

    def window(self, text: str) -> str:
        """Scale a time to look back over, at least four scrapes."""
        return write(math.ceil(self.window_seconds(text)))

    def samples(self, number: int) -> str:
        """A time to look back over that holds this many samples."""
        return write(math.ceil(number * self.scrape_seconds))

    def window_seconds(self, text: str) -> Fraction:
        """Seconds that `window` looks back over."""
        shortest = self.scrape_seconds * SCRAPES_PER_WINDOW
        return Fraction(math.ceil(max(shortest, parse(text) / self.factor)))
