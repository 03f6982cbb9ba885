"""Every series of the evidence as one shift: level before, level after, since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from analysis.detectors import Floats, LevelShift, Shift
from analysis.evidence import Evidence
from analysis.quantities import BY_KEY

STEADY = Shift(0.0, 0.0, 0.0, 0.0, None)
"""What an event quantity says when its entity reports and nothing happened."""

LARGEST = 1e100
"""A number from here on, or none at all, is a gap: no unit measures so much."""

TIMES = tuple(key for key, quantity in BY_KEY.items() if quantity.unit == "seconds")
"""Below zero they are gaps: a clock or a counter told nonsense."""

EVENTS = tuple(key for key, quantity in BY_KEY.items() if quantity.event)

FACTS = tuple(key for key, quantity in BY_KEY.items() if quantity.fact)
"""One sample is enough, so that none of them may be taken for a stray."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Measures:
    """Shifts by (entity, quantity, part), and the time at which each began."""

    shifts: Mapping[Key, Shift]
    onsets: Mapping[Key, int]
    entities: frozenset[str]
    step_ns: int

    @cached_property
    def _parts(self) -> dict[tuple[str, str], dict[str, Shift]]:
        found: dict[tuple[str, str], dict[str, Shift]] = {}
        for (entity, quantity, part), shift in sorted(self.shifts.items()):
            found.setdefault((entity, quantity), {})[part] = shift
        return found

    def parts(self, entity: str, quantity: str) -> dict[str, Shift]:
        """The shifts of all parts of a quantity; for events, a steady zero when none is there."""
        found = self._parts.get((entity, quantity), {})
        if not found and BY_KEY[quantity].event and entity in self.entities:
            return {"": STEADY}
        return found

    def shift(self, entity: str, quantity: str, part: str | None = None) -> Shift | None:
        """The shift of one part, or of the part that moved most; None when nothing was seen."""
        parts = self.parts(entity, quantity)
        if part is not None:
            if part in parts:
                return parts[part]
            return STEADY if "" in parts or (parts and BY_KEY[quantity].event) else None
        if not parts:
            return None
        return max(sorted(parts.items()), key=lambda item: abs(item[1].sigmas))[1]

    def loudest_part(self, entity: str, quantity: str) -> str:
        """The part that `shift` speaks of."""
        parts = self.parts(entity, quantity)
        if not parts:
            return ""
        return max(sorted(parts.items()), key=lambda item: abs(item[1].sigmas))[0]

    def onsets_of(self, entity: str, quantity: str) -> list[int]:
        """When each part of the quantity left its level, ns."""
        of = ((entity, quantity, part) for part in self._parts.get((entity, quantity), {}))
        return [self.onsets[key] for key in of if key in self.onsets]

    def onset(self, entity: str, quantity: str, part: str = "") -> int | None:
        """When that series left its level, ns; None when it did not."""
        return self.onsets.get((entity, quantity, part))


def sound(series: pl.DataFrame) -> pl.DataFrame:
    """Without what is no number: NaN, infinite, larger than anything, a time below nothing."""
    negative = pl.col("quantity").is_in(TIMES) & (pl.col("value") < 0)
    return series.filter((pl.col("value").abs() < LARGEST) & ~negative)


def measure(evidence: Evidence) -> Measures:
    """Fit every series on health and look at the incident."""
    window = evidence.window
    inside = pl.col("ts_ns").is_between(window.baseline_ns, window.end_ns)
    series = sound(evidence.series.filter(inside))
    entities = frozenset(series["entity"].unique().to_list())
    if not series.height:
        return Measures({}, {}, entities, window.step_ns)
    grid = np.sort(series["ts_ns"].unique().to_numpy())
    incident = grid >= window.start_ns
    keys, matrix = _matrix(series, grid)
    if not incident.any() or incident.all():
        return Measures({}, {}, entities, window.step_ns)
    facts = np.array([quantity in FACTS for _, quantity, _ in keys])
    shifts: list[Shift | None] = [None] * len(keys)
    for columns, weigh in ((np.flatnonzero(facts), False), (np.flatnonzero(~facts), True)):
        if len(columns):
            part = matrix[:, columns]
            detector = LevelShift(weigh_strays=weigh).fit(part[~incident])
            for column, shift in zip(columns, detector.shifts(part[incident]), strict=True):
                shifts[column] = shift
    times = grid[incident]
    found = {key: shift for key, shift in zip(keys, shifts, strict=True) if shift is not None}
    onsets = {key: int(times[s.onset]) for key, s in found.items() if s.onset is not None}
    return Measures(found, onsets, entities, window.step_ns)


def _matrix(series: pl.DataFrame, grid: np.ndarray) -> tuple[list[Key], Floats]:
    """One column per series in sorted order; events are zero where their entity reported."""
    key = ("entity", "quantity", "part")
    ordered = (
        series.group_by(*key, "ts_ns")
        .agg(pl.col("value").max())
        .sort(*key, "ts_ns")
        .with_columns(
            pl.struct(key).rle_id().alias("column"), pl.col("entity").rle_id().alias("of")
        )
    )
    keys = ordered.unique("column", keep="first", maintain_order=True)
    rows = np.searchsorted(grid, ordered["ts_ns"].to_numpy())
    matrix = np.full((len(grid), keys.height), np.nan)
    matrix[rows, ordered["column"].to_numpy()] = ordered["value"].to_numpy()
    reported = np.zeros((len(grid), int(keys["of"][-1]) + 1), dtype=bool)
    reported[rows, ordered["of"].to_numpy()] = True
    events = keys["quantity"].is_in(EVENTS).to_numpy()
    matrix[np.isnan(matrix) & events & reported[:, keys["of"].to_numpy()]] = 0.0
    return [(entity, what, part) for entity, what, part in keys.select(key).iter_rows()], matrix
