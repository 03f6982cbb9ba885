"""A line chart as SVG text: one series, its peers behind it, health shaded, moments marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from analysis import words
from analysis.evidence import SECOND, Window
from analysis.health import clock

WIDTH, HEIGHT = 480, 150
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 26, 18
POINTS = 400
"""More samples are thinned: each bin keeps its mean, and a phone has no more columns anyway."""
PEERS = 8


@dataclass(frozen=True)
class Line:
    """Times (ns) and values, sorted by time."""

    ts_ns: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Mark:
    """A moment to draw: `onset`, `alert` or `change` is its style."""

    ts_ns: int
    style: str
    text: str


def chart(
    title: str,
    line: Line,
    *,
    unit: str,
    window: Window,
    peers: Sequence[Line] = (),
    marks: Sequence[Mark] = (),
) -> str:
    """One figure; empty text where the line has fewer than two samples."""
    drawn = [_thin(line), *(_thin(peer) for peer in peers[:PEERS])]
    if drawn[0].ts_ns.size < 2:
        return ""
    low, high = _range(drawn)
    axes = _Axes(window, low, high)
    name = escape(title)
    shade, depth = axes.x(window.start_ns) - LEFT, HEIGHT - TOP - BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">',
        f"<title>{name}</title>",
        f'<rect class="health" x="{LEFT}" y="{TOP}" width="{shade:.1f}" height="{depth}"/>',
        *(f'<path class="peer" d="{axes.path(peer)}"/>' for peer in drawn[1:]),
        f'<path class="line" d="{axes.path(drawn[0])}"/>',
        *(_mark(axes, mark, window) for mark in marks),
        _text(LEFT, 12, name, "title"),
        _text(WIDTH - RIGHT, 12, escape(words.number(high, unit)), "end"),
        _text(WIDTH - RIGHT, HEIGHT - BOTTOM - 3, escape(words.number(low, unit)), "end"),
        _text(LEFT, HEIGHT - 4, clock(window.baseline_ns), ""),
        _text(WIDTH - RIGHT, HEIGHT - 4, clock(window.end_ns), "end"),
        "</svg>",
    ]
    return f"<figure>{''.join(parts)}</figure>"


class _Axes:
    def __init__(self, window: Window, low: float, high: float) -> None:
        self._start, self._length = window.baseline_ns, window.end_ns - window.baseline_ns
        self._low, self._span = low, high - low
        self._gap_ns = max(3 * window.step_ns, self._length / POINTS * 3)

    def x(self, ts_ns: float) -> float:
        share = min(1.0, max(0.0, (ts_ns - self._start) / max(1, self._length)))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self._low) / self._span * (HEIGHT - TOP - BOTTOM)

    def path(self, line: Line) -> str:
        """Samples further apart than a few steps are not joined: absence is absence."""
        steps, last = [], -np.inf
        for at, value in zip(line.ts_ns, line.values, strict=True):
            letter = "L" if at - last <= self._gap_ns else "M"
            steps.append(f"{letter}{self.x(at):.1f} {self.y(value):.1f}")
            last = at
        return "".join(steps)


def _thin(line: Line) -> Line:
    kept = np.isfinite(line.values)
    ts_ns, values = line.ts_ns[kept], line.values[kept]
    if ts_ns.size <= POINTS:
        return Line(ts_ns, values)
    bins = np.array_split(np.arange(ts_ns.size), POINTS)
    return Line(
        np.array([ts_ns[one].mean() for one in bins]),
        np.array([values[one].mean() for one in bins]),
    )


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """From the lowest to the highest value, with 0 in view where it is near."""
    values = np.concatenate([line.values for line in lines if line.values.size])
    low, high = float(values.min()), float(values.max())
    if 0 < low < 0.6 * high:
        low = 0.0
    if high <= low:
        high = low + max(abs(low) * 0.1, 1e-9)
    return low, high


def _mark(axes: _Axes, mark: Mark, window: Window) -> str:
    if not window.baseline_ns <= mark.ts_ns <= window.end_ns:
        return ""
    x = axes.x(mark.ts_ns)
    seconds = (mark.ts_ns - window.start_ns) / SECOND
    return (
        f'<line class="{mark.style}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
        f"<title>{escape(mark.text)} ({seconds:+.0f} s)</title></line>"
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{text}</text>'
