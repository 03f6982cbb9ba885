"""Prophet behind our own types; nothing else imports it, and only who asks for it pays for it."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from datetime import date
from typing import Any

import numpy as np

from analysis.forecast.model import LEAST_POINTS, Forecast, unlearnt
from analysis.forecast.series import Series
from exporters.errors import UsageError


def forecast(
    series: Series, ahead: int, *, level: float = 0.9, holidays: Collection[date] = ()
) -> Forecast:
    """The same question put to Prophet, with its own defaults.

    Raises UsageError where Prophet is not installed.
    """
    try:
        prophet: Any = importlib.import_module("prophet")
        pandas: Any = importlib.import_module("pandas")
    except ImportError:
        raise UsageError(
            "backend 'prophet' is not installed; `pip install 'busysignal[prophet]'`, "
            "or set [forecast] backend = 'fast'"
        ) from None
    known = np.isfinite(series.values)
    times = series.after(ahead)
    if known.sum() < LEAST_POINTS:
        return unlearnt(times, series.values[known], level)
    past = series.start + np.flatnonzero(known) * series.step
    days = pandas.DataFrame({"holiday": "holiday", "ds": pandas.to_datetime(sorted(holidays))})
    model = prophet.Prophet(interval_width=level, holidays=days if holidays else None)
    model.fit(pandas.DataFrame({"ds": _moments(pandas, past), "y": series.values[known]}))
    said = model.predict(pandas.DataFrame({"ds": _moments(pandas, times)}))
    expected, lower, upper = (
        said[column].to_numpy(dtype=np.float64) for column in ("yhat", "yhat_lower", "yhat_upper")
    )
    return Forecast(times, expected, lower, upper, level)


def _moments(pandas: Any, seconds: Any) -> Any:
    return pandas.to_datetime(seconds, unit="s")
