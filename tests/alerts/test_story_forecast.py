from __future__ import annotations

from tests.alerts.conftest import Fires

TARGET = 'job="forecast",instance="f1:9451"'
LOAD = f'{TARGET},service="chat",load="requests"'
UPPER = f'busysignal_forecast_crossing_seconds{{{LOAD},bound="upper"}}'
EXPECTED = f'busysignal_forecast_crossing_seconds{{{LOAD},bound="expected"}}'
MADE = f"busysignal_forecast_timestamp_seconds{{{TARGET}}}"
FRESH = "0+60x200"
CROSSING = "CapacityCrossedSoon"
STALE = "ForecastStale"
WHOM = {
    "job": "forecast",
    "instance": "f1:9451",
    "service": "chat",
    "load": "requests",
    "bound": "upper",
}


def soon(words: str) -> Fires:
    return Fires(
        WHOM,
        {
            "description": f"requests of chat may cross its capacity in {words}, "
            "at the forecast's upper bound.",
            "query": 'busysignal_forecast_upper{service="chat",load="requests"}',
            "dashboard_url": "http://127.0.0.1:3000/d/busysignal-saturation?var-service=chat",
        },
    )


def test_capacity_that_may_be_crossed_within_hours_warns_until_it_no_longer_may(slow_story):
    series = {UPPER: "20000x30 14340x40 _x60", MADE: FRESH}

    slow_story.alerts(
        series,
        ("30m", CROSSING, []),
        ("38m", CROSSING, []),
        ("50m", CROSSING, [soon("3h 59m 0s")]),
        ("110m", CROSSING, []),
        interval="60s",
    )


def test_a_crossing_just_beyond_the_hours_warns_nobody(slow_story):
    slow_story.alerts({UPPER: "14400x60", MADE: FRESH}, ("50m", CROSSING, []), interval="60s")


def test_the_upper_bound_is_what_counts(slow_story):
    slow_story.alerts({EXPECTED: "600x60", MADE: FRESH}, ("50m", CROSSING, []), interval="60s")


def test_a_forecast_of_yesterday_warns_of_nothing_but_itself(slow_story):
    series = {UPPER: "600x200", MADE: "0x60 3600+60x140"}
    itself = Fires(
        {"job": "forecast", "instance": "f1:9451"},
        {"description": "f1:9451 made its last forecast 50m 0s ago.",
         "query": 'busysignal_forecast_timestamp_seconds{instance="f1:9451"}'},
    )  # fmt: skip

    slow_story.alerts(
        series,
        ("35m", STALE, []),
        ("50m", STALE, [itself]),
        ("60m", CROSSING, []),
        ("80m", STALE, []),
        interval="60s",
    )


def test_a_forecast_that_is_made_again_is_well(slow_story):
    series = {MADE: "0x50 3000+60x60"}

    slow_story.alerts(series, ("52m", STALE, []), ("80m", STALE, []), interval="60s")
