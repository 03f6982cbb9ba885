"""Where panels stand: left to right in rows of 24 columns, wrapped, never overlapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.panels import GRID_WIDTH, Panel, Row


@dataclass(frozen=True)
class Place:
    """A box on the dashboard's grid."""

    x: int
    y: int
    w: int
    h: int


def place(rows: tuple[Row, ...]) -> Iterator[tuple[Row | Panel, Place]]:
    """Yield every row heading and panel with its place, top to bottom."""
    top = 0
    for row in rows:
        yield row, Place(0, top, GRID_WIDTH, 1)
        top += 1
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > GRID_WIDTH:
                left, top, tallest = 0, top + tallest, 0
            yield panel, Place(left, top, panel.width, panel.height)
            left += panel.width
            tallest = max(tallest, panel.height)
        top += tallest
