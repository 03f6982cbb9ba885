"""Panels whose rows are lanes, as plain SVG: states over time, and the buckets of a histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from demo.canvas import BOTTOM, LEFT, NAMED, PALETTE, TOP, Canvas, Series, named_values, show, text
from exporters.catalog.signal import format_bound


def states(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    """One lane a series, coloured while it lasts."""
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
        parts.append(text(LEFT + 4, top + min(lane * 0.6, 14), one.legend))
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


def heatmap(panel: Mapping[str, Any], series: Sequence[Series], canvas: Canvas) -> str:
    """One lane a bucket, the darker the more fell into it."""
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
            parts.append(text(LEFT - 4, canvas.y(row), label, "end"))
    return "".join(parts)
