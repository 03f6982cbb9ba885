"""Who else forecasts: the seasonal naive, statsforecast's MSTL and ETS, Prophet."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis.forecast import prophet_backend
from analysis.forecast.model import Forecast, forecast
from analysis.forecast.series import DAY, WEEK, Floats, Series

Contender = Callable[[Series, int, float], Forecast]


def contenders() -> Mapping[str, Contender]:
    """Ours first; each peer whose package is installed."""
    found: dict[str, Contender] = {"ours": ours, "seasonal_naive": seasonal_naive}
    if importlib.util.find_spec("statsforecast"):
        found["statsforecast"] = statsforecast
    if importlib.util.find_spec("prophet"):
        found["prophet"] = prophet
    return found


def ours(history: Series, ahead: int, level: float) -> Forecast:
    """The fast default."""
    return forecast(history, ahead, level=level)


def seasonal_naive(history: Series, ahead: int, level: float) -> Forecast:
    """The last day again (without days, the last value), with the spread of what that missed."""
    period = cycle(history)
    values = filled(history.values)
    expected = np.resize(values[-period:], ahead)
    missed = values[period:] - values[:-period]
    reach = np.quantile(np.abs(missed), level) if len(missed) else 0.0
    if period == 1:
        reach = reach * np.sqrt(np.arange(1, ahead + 1))
    return _said(history, expected, expected - reach, expected + reach, level)


def statsforecast(history: Series, ahead: int, level: float) -> Forecast:
    """MSTL over day and week with an ETS trend; AutoETS alone where there is no day."""
    models: Any = importlib.import_module("statsforecast.models")
    day, length = history.steps_in(DAY), len(history)
    periods = [p for p in (day, history.steps_in(WEEK)) if 4 <= p <= length // 2]
    trend = models.AutoETS(model="ZZN", season_length=1)
    model = models.MSTL(season_length=periods, trend_forecaster=trend) if periods else trend
    values = filled(history.values)
    percent = round(level * 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = model.forecast(y=values, h=ahead, level=[percent])
    return _said(history, said["mean"], said[f"lo-{percent}"], said[f"hi-{percent}"], level)


def prophet(history: Series, ahead: int, level: float) -> Forecast:
    """Prophet as it comes."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prophet_backend.forecast(history, ahead, level=level)


def cycle(history: Series) -> int:
    """Steps of a day where the history holds two, else 1."""
    day = history.steps_in(DAY)
    return day if 4 <= day <= len(history) // 2 else 1


def filled(values: Floats) -> Floats:
    """Gaps bridged in a straight line: these peers know no missing values."""
    known = np.isfinite(values)
    places = np.arange(len(values))
    return np.asarray(np.interp(places, places[known], values[known]), dtype=np.float64)


def _said(history: Series, expected: Any, lower: Any, upper: Any, level: float) -> Forecast:
    middle, low, high = (
        np.asarray(column, dtype=np.float64) for column in (expected, lower, upper)
    )
    return Forecast(history.after(len(middle)), middle, low, high, level)
