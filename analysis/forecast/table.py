"""Forecasts for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from analysis.forecast.config import ForecastSection
from analysis.forecast.crossing import in_words, seconds_until
from analysis.forecast.loads import Told
from analysis.forecast.series import Floats

NO_LOAD: Final = (
    "no load is known: Prometheus has no llm:requests_started:rate; "
    "`busysignal doctor` says what is missing"
)


def text(told: Sequence[Told], section: ForecastSection) -> str:
    """One paragraph for each load: now, what is expected, and the capacity."""
    return "\n".join(_paragraph(one, section) for one in told) or NO_LOAD


def document(one: Told) -> dict[str, Any]:
    """The forecast of one load; what is not known is null."""
    said = one.forecast
    crossing = {
        bound: one.capacity
        and seconds_until(said.times, getattr(said, bound), one.capacity, one.now)
        for bound in ("expected", "upper")
    }
    return {
        "service": one.service,
        "load": one.name,
        "level": said.level,
        "too_little": said.too_little,
        "capacity": one.capacity,
        "crossing_seconds": crossing,
        "times": said.times.tolist(),
        **{name: _listed(getattr(said, name)) for name in ("expected", "lower", "upper")},
    }


def _paragraph(one: Told, section: ForecastSection) -> str:
    said = one.forecast
    who = f"{one.service or 'service'} {one.name}"
    lines = [f"{who}: {in_words(said, one.capacity, one.now)}"]
    measured = one.history.values[np.isfinite(one.history.values)]
    if len(measured):
        lines.append(f"  now    {measured[-1]:10.2f} /s")
    for hours in section.tell_hours if said.too_little is None else ():
        place = int(np.searchsorted(said.times, one.now + hours * 3600 - 1e-6))
        if place < len(said.times):
            low, high = said.lower[place], said.upper[place]
            bounds = f"{said.level:.0%} within {low:.2f} to {high:.2f}"
            lines.append(f"  +{hours:g} h".ljust(9) + f"{said.expected[place]:10.2f} /s   {bounds}")
    return "\n".join(lines)


def _listed(column: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in column]
