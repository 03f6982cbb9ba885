"""What pictures of panels are drawn with: colours, curves, the canvas, numbers with their units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

NAMED = {
    "green": "#56a64b",
    "orange": "#ff780a",
    "red": "#e02f44",
    "dark-red": "#ad0317",
    "blue": "#3274d9",
    "purple": "#a352cc",
    "yellow": "#f2cc0c",
    "text": "#24292e",
}
PALETTE = (
    "#56a64b", "#f2cc0c", "#3274d9", "#ff780a", "#e02f44", "#a352cc", "#1f9e9e", "#705da0",
    "#8ab8ff", "#c15c17",
)  # fmt: skip
LEFT, BOTTOM, TOP = 72, 34, 6
MINUTE = 60
SPANS = ((86_400, "days"), (3_600, "hours"), (MINUTE, "min"))


@dataclass(frozen=True)
class Series:
    """One curve: its legend, its labels, and its points as seconds and values."""

    legend: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        return self.points[-1][1] if self.points else math.nan


@dataclass(frozen=True)
class Canvas:
    """Where curves are drawn: pixels, times `start` to `end`, values `low` to `high`."""

    width: float
    height: float
    start: float
    end: float
    low: float = 0.0
    high: float = 1.0
    marks: tuple[tuple[float, str], ...] = ()
    """Moments that are marked in every panel, each with the name of its colour."""

    def x(self, moment: float) -> float:
        share = (moment - self.start) / ((self.end - self.start) or 1)
        return LEFT + share * (self.width - LEFT - 8)

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.height - BOTTOM - share * (self.height - BOTTOM - TOP)


def show(value: float, unit: str) -> str:
    """Write a number with its unit, short, as a dashboard would."""
    if math.isnan(value):
        return "no traffic"
    if unit == "percentunit":
        return f"{value * 100:.3g} %" if abs(value) < 10 else f"{value * 100:.0f} %"
    if unit == "s" and abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    if unit == "s" and abs(value) >= MINUTE:
        return _long(value)
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}{_suffix(unit)}".strip()
    return f"{value:.3g} {_suffix(unit)}".strip()


def _long(seconds: float) -> str:
    size, name = next(one for one in SPANS if abs(seconds) >= one[0])
    return f"{seconds / size:.3g} {name}"


def _suffix(unit: str) -> str:
    if unit.startswith("currency:"):
        return unit.removeprefix("currency:")
    names = {
        "s": "s", "reqps": "req/s", "eps": "events/s", "watt": "W", "joule": "J", "celsius": "°C",
        "flops": "FLOP/s", "Bps": "B/s", "bytes": "B",
    }  # fmt: skip
    return names.get(unit, unit.removeprefix("suffix:") if unit.startswith("suffix") else "")


def level(defaults: Mapping[str, Any], value: float) -> str:
    """The colour of the threshold that a value has reached."""
    name = "text"
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            name = step["color"]
    return NAMED[name] if not math.isnan(value) else NAMED["text"]


def named_values(defaults: Mapping[str, Any]) -> dict[float, Mapping[str, str]]:
    """Values that have a name and a colour of their own."""
    return {
        float(value): result
        for mapping in defaults["mappings"]
        if mapping["type"] == "value"
        for value, result in mapping["options"].items()
    }


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """A few words, which begin, end or are centred there."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
