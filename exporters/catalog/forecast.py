"""Signals of `busysignal forecast --serve`: what load comes, and when capacity is crossed.

`load` names the load and, where a part of it is meant, the part: `requests`, `tokens`,
`requests/model/llama`, `requests/priority/batch`.
"""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

EXPECTED = Gauge(
    name="busysignal_forecast_expected",
    help="Load expected at that time ahead (15m, 1h, 4h, 24h), in requests or tokens a second.",
    labels=("service", "load", "ahead"),
)
UPPER = Gauge(
    name="busysignal_forecast_upper",
    help="Highest upper bound of the load from now to that time ahead, in its unit.",
    labels=("service", "load", "ahead"),
)
CAPACITY = Gauge(
    name="busysignal_forecast_capacity",
    help="Capacity that the load is held against, in its unit; absent where none is configured.",
    labels=("service", "load"),
)
CROSSING = Gauge(
    name="busysignal_forecast_crossing_seconds",
    help="Time until the forecast (bound: expected or upper) reaches capacity; absent if never.",
    labels=("service", "load", "bound"),
    unit="seconds",
)
LEARNT = Gauge(
    name="busysignal_forecast_learnt",
    help="1 when the history suffices for a forecast, 0 when it is too short.",
    labels=("service", "load"),
    unit="boolean",
)
MADE = Gauge(
    name="busysignal_forecast_timestamp_seconds",
    help="When the forecasts were last made.",
    unit="timestamp",
)
DURATION = Gauge(
    name="busysignal_forecast_duration_seconds",
    help="Time that reading and forecasting all loads took.",
    unit="seconds",
)
ERRORS = Counter(
    name="busysignal_forecast_errors",
    help="Turns without a forecast, because Prometheus did not answer or the answer was strange.",
)

SIGNALS = (EXPECTED, UPPER, CAPACITY, CROSSING, LEARNT, MADE, DURATION, ERRORS)
