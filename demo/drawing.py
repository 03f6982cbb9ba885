"""Panels of a dashboard's JSON as plain SVG: lines, areas, buckets, states, numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from typing import Any

from exporters.catalog.signal import format_bound

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
        return f"{value * 100:.3g} %"
    if unit == "s" and abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}{_suffix(unit)}".strip()
    return f"{value:.3g} {_suffix(unit)}".strip()


def _suffix(unit: str) -> str:
    names = {
        "s": "s", "reqps": "req/s", "eps": "events/s", "watt": "W", "joule": "J", "celsius": "°C",
        "flops": "FLOP/s", "Bps": "B/s", "bytes": "B",
    }  # fmt: skip
    return names.get(unit, unit.removeprefix("suffix: ") if unit.startswith("suffix") else "")


def draw(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    """Draw one panel's inside; without series it says what the panel says then."""
    defaults = panel["fieldConfig"]["defaults"]
    if not any(one.points for one in series):
        return f'<p class="empty">{escape(defaults["noValue"])}</p>'
    if panel["type"] == "stat":
        return _stat(panel, series)
    painter = {"heatmap": _heatmap, "state-timeline": _states}.get(panel["type"], _curves)
    inside = painter(panel, series, canvas)
    size = f'width="{canvas.width:.0f}" height="{canvas.height:.0f}"'
    return f"<svg {size}>{_time_axis(canvas)}{inside}</svg>"


def _stat(panel: Mapping[str, Any], series: Sequence[Series]) -> str:
    defaults, by_name = panel["fieldConfig"]["defaults"], panel["options"]["textMode"] == "name"
    named = named_values(defaults)
    texts, color = [], level(defaults, series[0].last)
    for one in series:
        known = named.get(one.last)
        text = known["text"] if known else show(one.last, defaults["unit"])
        texts.append(one.legend if by_name else text)
        color = NAMED[known["color"]] if known else color
    return f'<p class="stat" style="color:{color}">{"<br>".join(map(escape, texts))}</p>'


def level(defaults: Mapping[str, Any], value: float) -> str:
    """The colour of the threshold that a value has reached."""
    name = "text"
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            name = step["color"]
    return NAMED[name] if not math.isnan(value) else NAMED["text"]


def _time_axis(canvas: Canvas) -> str:
    parts = 4 if canvas.width > 400 else 1
    span = canvas.end - canvas.start
    moments = [canvas.start + span * part / parts for part in range(parts + 1)]
    return "".join(
        _text(
            canvas.x(moment),
            canvas.height - BOTTOM + 13,
            time.strftime("%H:%M:%S", time.gmtime(moment)),
            "middle" if 0 < place < parts else "start" if place == 0 else "end",
        )
        for place, moment in enumerate(moments)
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _curves(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    stacking = defaults["custom"]["stacking"]["mode"]
    shares = stacking == "percent"
    unit = "percentunit" if shares else defaults["unit"]
    drawn_series = _shares(series) if shares else series
    curves = [(one, None) for one in series] if stacking == "none" else _stack(drawn_series)
    values = [value for one, _ in curves for _, value in one.points if math.isfinite(value)]
    low = min(defaults.get("min", min(values, default=0)), min(values, default=0))
    high = max(defaults.get("max", 0), _round_up(max(values, default=0)))
    canvas = replace(canvas, low=low, high=high)
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    lines = [_level_line(step, canvas) for step in steps if step["value"] <= high]
    colors = _fixed(panel)
    drawn = [
        _curve(one, base, colors.get(one.legend, PALETTE[place % len(PALETTE)]), canvas)
        for place, (one, base) in enumerate(curves)
    ]
    drawn.reverse()  # the lowest area of a stack lies in front
    ticks = [_tick(low + (high - low) * part / 4, unit, canvas)
             for part in range(5)]  # fmt: skip
    return "".join([*ticks, *lines, *drawn, _legend(panel, series, canvas)])


def _round_up(value: float) -> float:
    """The next number whose quarters read well; 1 where all is zero."""
    if value <= 0:
        return 1.0
    size = float(10 ** math.floor(math.log10(value)))
    return next(size * first for first in (1, 2, 4, 6, 8, 10) if size * first >= value)


def _shares(series: Sequence[Series]) -> list[Series]:
    """Each point as a share of all points at its moment."""
    whole: dict[float, float] = {}
    for one in series:
        for moment, value in one.points:
            whole[moment] = whole.get(moment, 0.0) + (value if math.isfinite(value) else 0.0)
    return [
        Series(one.legend, one.labels, [(at, v / whole[at]) for at, v in one.points if whole[at]])
        for one in series
    ]


def _stack(series: Sequence[Series]) -> list[tuple[Series, dict[float, float] | None]]:
    below: dict[float, float] = {}
    stacked: list[tuple[Series, dict[float, float] | None]] = []
    for one in series:
        finite = [(moment, value) for moment, value in one.points if math.isfinite(value)]
        base = {moment: below.get(moment, 0.0) for moment, _ in finite}
        points = [(moment, base[moment] + value) for moment, value in finite]
        below |= dict(points)
        stacked.append((Series(one.legend, one.labels, points), base))
    return stacked


def _fixed(panel: Mapping[str, Any]) -> dict[str, str]:
    return {
        override["matcher"]["options"]: NAMED[override["properties"][0]["value"]["fixedColor"]]
        for override in panel["fieldConfig"]["overrides"]
    }


def _curve(one: Series, base: Mapping[float, float] | None, color: str, canvas: Canvas) -> str:
    points = [
        (canvas.x(moment), canvas.y(value)) for moment, value in one.points if math.isfinite(value)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if base is None:
        return f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.4"/>'
    back = " ".join(
        f"{canvas.x(moment):.1f},{canvas.y(value):.1f}"
        for moment, value in sorted(base.items(), reverse=True)
    )
    return f'<polygon points="{line} {back}" fill="{color}" fill-opacity="0.55" stroke="{color}"/>'


def _level_line(step: Mapping[str, Any], canvas: Canvas) -> str:
    y = canvas.y(step["value"])
    stroke = f'stroke="{NAMED[step["color"]]}" stroke-dasharray="6 4"'
    return f'<line x1="{LEFT}" x2="{canvas.width - 8:.0f}" y1="{y:.1f}" y2="{y:.1f}" {stroke}/>'


def _tick(value: float, unit: str, canvas: Canvas) -> str:
    y = canvas.y(value)
    grid = f'<line x1="{LEFT}" x2="{canvas.width - 8:.0f}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
    return grid + _text(LEFT - 4, y + 4, show(value, unit), "end")


def _legend(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    colors, x, parts = _fixed(panel), 8.0, []
    for place, one in enumerate(series):
        width = 20 + 6.2 * len(one.legend)
        if x + width > canvas.width:
            parts.append(_text(x, canvas.height - 5, "…"))
            break
        color = colors.get(one.legend, PALETTE[place % len(PALETTE)])
        y = canvas.height - 9
        parts.append(f'<rect x="{x:.0f}" y="{y - 3:.0f}" width="10" height="4" fill="{color}"/>')
        parts.append(_text(x + 13, y + 4, one.legend))
        x += width
    return "".join(parts)


def _states(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    results = named_values(panel["fieldConfig"]["defaults"])
    lane = (canvas.height - BOTTOM - TOP) / len(series)
    parts = []
    for place, one in enumerate(series):
        top = TOP + place * lane
        for start, end, value in _spans(one):
            x, right = canvas.x(start), min(canvas.x(end), canvas.width)
            color = NAMED[results[value]["color"]] if value in results else PALETTE[2]
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{right - x:.1f}" '
                f'height="{lane * 0.9:.1f}" fill="{color}" fill-opacity="0.7"/>'
            )
        parts.append(_text(LEFT + 4, top + min(lane * 0.6, 14), one.legend))
    return "".join(parts)


def _spans(one: Series) -> list[tuple[float, float, float]]:
    """Start, end and value of every stretch in which a series does not change or pause."""
    moments = [moment for moment, _ in one.points]
    step = min((b - a for a, b in pairwise(moments)), default=1.0)
    spans: list[tuple[float, float, float]] = []
    for moment, value in one.points:
        if spans and spans[-1][2] == value and moment <= spans[-1][1] + step / 2:
            spans[-1] = (spans[-1][0], moment + step, value)
        else:
            spans.append((moment, moment + step, value))
    return spans


def named_values(defaults: Mapping[str, Any]) -> dict[float, Mapping[str, str]]:
    """Values that have a name and a colour of their own."""
    return {
        float(value): result
        for mapping in defaults["mappings"]
        if mapping["type"] == "value"
        for value, result in mapping["options"].items()
    }


def _heatmap(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    bounds = sorted(series, key=lambda one: float(one.labels["le"].replace("Inf", "inf")))
    counts = [dict(one.points) for one in bounds]
    cells = [
        (moment, row, value - (counts[row - 1].get(moment, 0.0) if row else 0.0))
        for row, column in enumerate(counts)
        for moment, value in column.items()
    ]
    most = max((value for _, _, value in cells), default=0) or 1
    moments = sorted({moment for moment, _, _ in cells})
    lane = (canvas.height - BOTTOM - TOP) / len(bounds)
    canvas = replace(canvas, high=len(bounds))
    step = min((b - a for a, b in pairwise(moments)), default=1.0)
    width = canvas.x(canvas.start + step) - canvas.x(canvas.start) + 0.5
    parts = [
        f'<rect x="{canvas.x(moment):.1f}" y="{canvas.y(row + 1):.1f}" '
        f'width="{width:.1f}" height="{lane:.1f}" fill="#d94801" '
        f'fill-opacity="{math.sqrt(value / most):.2f}"/>'
        for moment, row, value in cells
        if value > 1e-9
    ]
    for row, one in enumerate(bounds):
        if row % 3 == 0:
            bound = float(one.labels["le"].replace("Inf", "inf"))
            label = show(bound, "s") if math.isfinite(bound) else format_bound(bound)
            parts.append(_text(LEFT - 4, canvas.y(row), label, "end"))
    return "".join(parts)
