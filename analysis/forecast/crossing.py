"""When a forecast meets the capacity, and how to say so."""

from __future__ import annotations

import math

import numpy as np

from analysis.forecast.model import Forecast
from analysis.forecast.series import Floats


def seconds_until(times: Floats, values: Floats, capacity: float, now: float) -> float | None:
    """Seconds from `now` to the first step at which `values` reach the capacity; never below 0.

    None where they do not, or where nothing is forecast.
    """
    reached = np.flatnonzero(values >= capacity)
    return max(0.0, float(times[reached[0]]) - now) if len(reached) else None


def in_words(forecast: Forecast, capacity: float | None, now: float) -> str:
    """One sentence on the capacity: when it is crossed, and how sure that is."""
    if forecast.too_little:
        return forecast.too_little
    if capacity is None:
        return "no capacity is configured for it"
    likely = seconds_until(forecast.times, forecast.expected, capacity, now)
    at_worst = seconds_until(forecast.times, forecast.upper, capacity, now)
    if likely is not None:
        return f"crosses its capacity of {capacity:g} in {duration(likely)}"
    if at_worst is not None:
        return f"may cross its capacity of {capacity:g} in {duration(at_worst)}, at the upper bound"
    reach = float(forecast.times[-1]) - now
    return f"stays below its capacity of {capacity:g} for the next {duration(reach)}"


def duration(seconds: float) -> str:
    """`2 h 5 min`, `40 min`, `less than a minute`."""
    minutes = math.floor(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0)
    return " ".join(parts)
