"""Panels of a dashboard's JSON as plain SVG: lines, areas, buckets, states, numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from typing import Any

from demo.canvas import (
    BOTTOM,
    LEFT,
    NAMED,
    PALETTE,
    TOP,
    Canvas,
    Series,
    level,
    named_values,
    show,
    text,
)
from demo.lanes import heatmap, states


def draw(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    """Draw one panel's inside; without series it says what the panel says then."""
    defaults = panel["fieldConfig"]["defaults"]
    if not any(one.points for one in series):
        return f'<p class="empty">{escape(defaults["noValue"])}</p>'
    if panel["type"] == "stat":
        return _stat(panel, series)
    painter = {"heatmap": heatmap, "state-timeline": states}.get(panel["type"], _curves)
    inside = painter(panel, series, canvas)
    size = f'width="{canvas.width:.0f}" height="{canvas.height:.0f}"'
    return f"<svg {size}>{_time_axis(canvas)}{inside}{_marks(canvas)}</svg>"


def _marks(canvas: Canvas) -> str:
    foot = canvas.height - BOTTOM
    return "".join(
        f'<line x1="{canvas.x(at):.1f}" x2="{canvas.x(at):.1f}" y1="{TOP}" y2="{foot:.1f}" '
        f'stroke="{NAMED[color]}" stroke-dasharray="2 3"/>'
        for at, color in canvas.marks
    )


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


def _time_axis(canvas: Canvas) -> str:
    parts = 4 if canvas.width > 400 else 1
    span = canvas.end - canvas.start
    moments = [canvas.start + span * part / parts for part in range(parts + 1)]
    return "".join(
        text(
            canvas.x(moment),
            canvas.height - BOTTOM + 13,
            time.strftime("%H:%M:%S", time.gmtime(moment)),
            "middle" if 0 < place < parts else "start" if place == 0 else "end",
        )
        for place, moment in enumerate(moments)
    )


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
    if shares:
        high = 1.0
    if low == high:
        low = min([low, *(step["value"] for step in defaults["thresholds"]["steps"][1:])]) * 0.99
    canvas = replace(canvas, low=low, high=high)
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    lines = [_level_line(step, canvas) for step in steps if step["value"] <= high]
    colors = _fixed(panel)
    paint = _bars if defaults["custom"]["drawStyle"] == "bars" else _curve
    drawn = [
        paint(one, base, colors.get(one.legend, PALETTE[place % len(PALETTE)]), canvas)
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


def _bars(one: Series, base: Mapping[float, float] | None, color: str, canvas: Canvas) -> str:
    moments = [moment for moment, _ in one.points]
    step = min((b - a for a, b in pairwise(moments)), default=1.0)
    width = max(0.6 * (canvas.x(canvas.start + step) - canvas.x(canvas.start)), 1)
    foot = max(canvas.low, 0.0)
    below = base or {}
    return "".join(
        f'<rect x="{canvas.x(moment) - width / 2:.1f}" y="{canvas.y(value):.1f}" '
        f'width="{width:.1f}" fill="{color}" '
        f'height="{canvas.y(below.get(moment, foot)) - canvas.y(value):.1f}" '
        'fill-opacity="0.8"/>'
        for moment, value in one.points
        if math.isfinite(value)
    )


def _level_line(step: Mapping[str, Any], canvas: Canvas) -> str:
    y = canvas.y(step["value"])
    stroke = f'stroke="{NAMED[step["color"]]}" stroke-dasharray="6 4"'
    return f'<line x1="{LEFT}" x2="{canvas.width - 8:.0f}" y1="{y:.1f}" y2="{y:.1f}" {stroke}/>'


def _tick(value: float, unit: str, canvas: Canvas) -> str:
    y = canvas.y(value)
    grid = f'<line x1="{LEFT}" x2="{canvas.width - 8:.0f}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
    return grid + text(LEFT - 4, y + 4, show(value, unit), "end")


def _legend(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    colors, x, parts = _fixed(panel), 8.0, []
    for place, one in enumerate(series):
        width = 20 + 6.2 * len(one.legend)
        if x + width > canvas.width:
            parts.append(text(x, canvas.height - 5, "…"))
            break
        color = colors.get(one.legend, PALETTE[place % len(PALETTE)])
        y = canvas.height - 9
        parts.append(f'<rect x="{x:.0f}" y="{y - 3:.0f}" width="10" height="4" fill="{color}"/>')
        parts.append(text(x + 13, y + 4, one.legend))
        x += width
    return "".join(parts)
