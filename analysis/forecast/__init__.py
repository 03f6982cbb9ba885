"""Expected load an hour to a day ahead, with bounds, and when capacity is crossed."""

from __future__ import annotations

from analysis.forecast.model import Forecast, forecast
from analysis.forecast.series import Floats, Series, counted, on_grid

__all__ = ["Floats", "Forecast", "Series", "counted", "forecast", "on_grid"]
