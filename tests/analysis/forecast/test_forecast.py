from __future__ import annotations

import subprocess
import sys
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.forecast.calendar import seasons_of
from analysis.forecast.crossing import in_words, seconds_until
from analysis.forecast.model import forecast
from analysis.forecast.series import Series, counted, on_grid
from exporters.errors import UsageError

STEP = 900.0
DAY = 96
MONDAY = 1_767_571_200.0  # 2026-01-05, 00:00 UTC


def daily(days: int, *, noise: float = 0.0, start: float = MONDAY, weekend: float = 1.0) -> Series:
    steps = np.arange(days * DAY)
    shape = 100 + 50 * np.sin(2 * np.pi * steps / DAY)
    weekday = ((steps // DAY) + (start - MONDAY) // 86_400) % 7
    shape = np.where(weekday >= 5, weekend * shape, shape)
    chance = np.random.default_rng(5)
    return Series(start, STEP, shape + noise * chance.normal(size=len(steps)))


def share_missed(said, truth) -> float:
    return float(np.mean(np.abs(said.expected - truth)) / np.mean(truth))


def test_a_day_is_learnt_from_the_days_before():
    whole = daily(10, noise=3)

    said = forecast(whole.until(9 * DAY), DAY)

    assert share_missed(said, whole.values[-DAY:]) < 0.07
    assert said.times[0] == whole.start + 9 * DAY * STEP
    assert said.too_little is None


def test_a_week_is_learnt_where_weekends_differ():
    whole = daily(29, noise=2, weekend=0.4)
    friday_ends = 26 * DAY

    said = forecast(whole.until(friday_ends), DAY)

    assert share_missed(said, whole.values[friday_ends : friday_ends + DAY]) < 0.08


def test_a_holiday_is_like_a_sunday_if_it_is_told():
    whole = daily(31, noise=2, weekend=0.4)
    wednesday = 30 * DAY
    truth = 0.4 * whole.values[wednesday:]

    told = forecast(whole.until(wednesday), DAY, holidays=[date(2026, 2, 4)])
    untold = forecast(whole.until(wednesday), DAY)

    assert share_missed(told, truth) < 0.35 * share_missed(untold, truth)


def test_past_holidays_do_not_spoil_the_days_like_them():
    days = 29
    whole = daily(days, noise=1)
    values = whole.values.copy()
    values[(days - 8) * DAY : (days - 7) * DAY] *= 0.2
    holiday = date(2026, 1, 5 + days - 8)
    series = Series(whole.start, STEP, values)

    (_, week) = seasons_of(series, DAY, [holiday])

    assert [steps // DAY for steps in week.back[:, days - 1]] == [14, 21, 28, 28]


@pytest.mark.parametrize(("low", "high"), [(0.8, 1.0)])
def test_the_bounds_hold_as_often_as_they_say(low, high):
    whole = daily(60, noise=10)
    inside = []
    for origin in range(14 * DAY, 59 * DAY, 5 * DAY + 7):
        said = forecast(whole.until(origin), DAY, level=0.9)
        truth = whole.values[origin : origin + DAY]
        inside.append(np.mean((truth >= said.lower) & (truth <= said.upper)))

    assert low <= np.mean(inside) <= high


def test_higher_levels_have_wider_bounds():
    series = daily(12, noise=10)

    narrow, wide = forecast(series, DAY, level=0.5), forecast(series, DAY, level=0.95)

    assert np.all(narrow.upper <= wide.upper)
    assert np.all(narrow.lower >= wide.lower)


def test_a_lasting_step_is_followed_within_hours():
    whole = daily(16, noise=2)
    values = whole.values.copy()
    step = 15 * DAY - 24
    values[step:] *= 3
    series = Series(whole.start, STEP, values)

    said = forecast(series.until(15 * DAY), 16)

    assert share_missed(said, values[15 * DAY : 15 * DAY + 16]) < 0.25


def test_one_wild_day_does_not_come_back_tomorrow():
    whole = daily(15, noise=2)
    values = whole.values.copy()
    values[13 * DAY + 40 : 13 * DAY + 60] *= 20
    series = Series(whole.start, STEP, values)

    said = forecast(series.until(14 * DAY), DAY)

    assert said.expected.max() < 2 * whole.values.max()


def test_a_gap_is_not_learnt_as_silence():
    whole = daily(15, noise=2)
    values = whole.values.copy()
    values[13 * DAY : 13 * DAY + 50] = np.nan

    said = forecast(Series(whole.start, STEP, values).until(14 * DAY), DAY)

    assert share_missed(said, whole.values[14 * DAY :]) < 0.08


def test_a_trend_fades():
    rising = Series(MONDAY, 60.0, np.arange(60, dtype=float) + 100)

    said = forecast(rising, 60)

    assert said.expected[2] > 158
    assert said.expected[-1] < 260


@pytest.mark.parametrize("factor", [1e-6, 1000.0, 1e12])
def test_another_unit_gives_the_same_forecast(factor):
    series = daily(10, noise=5)

    said = forecast(series, DAY)
    scaled = forecast(Series(series.start, series.step, series.values * factor), DAY)

    np.testing.assert_allclose(scaled.expected, said.expected * factor, rtol=1e-9)
    np.testing.assert_allclose(scaled.upper, said.upper * factor, rtol=1e-9)


def test_the_same_history_gives_the_same_bytes():
    first, again = (forecast(daily(10, noise=5), DAY) for _ in range(2))

    assert first.expected.tobytes() == again.expected.tobytes()


def test_what_never_was_negative_is_not_forecast_so():
    bursts = np.zeros(10 * DAY)
    bursts[::50] = 100

    said = forecast(Series(MONDAY, STEP, bursts), DAY)

    assert said.lower.min() >= 0
    assert said.expected.min() >= 0


def test_a_constant_stays_what_it_is():
    said = forecast(Series(MONDAY, STEP, np.full(300, 7.0)), DAY)

    np.testing.assert_allclose(said.expected, 7.0)
    assert said.too_little is None


def test_too_little_history_is_said_and_the_bounds_are_wide():
    said = forecast(Series(MONDAY, STEP, np.array([5.0, 9.0])), 3)

    assert said.too_little == "too little history: 2 measured values, and 8 are needed"
    assert list(said.expected) == [7.0] * 3
    assert said.lower[0] <= 1.0
    assert said.upper[0] >= 13.0


def test_nothing_measured_is_nothing_forecast():
    said = forecast(Series(MONDAY, STEP, np.full(500, np.nan)), 3)

    assert np.isnan(said.expected).all()
    assert said.too_little == "too little history: 0 measured values, and 8 are needed"


@pytest.mark.parametrize(("ahead", "level"), [(0, 0.9), (5, 0.0), (5, 1.0)])
def test_a_question_without_sense_is_refused(ahead, level):
    with pytest.raises(UsageError, match="give at least 1 step and a level between 0 and 1"):
        forecast(daily(3), ahead, level=level)


@settings(max_examples=80, deadline=None)
@given(
    arrays(np.float64, st.integers(0, 300), elements=st.floats(allow_subnormal=False)),
    st.sampled_from([1.0, 60.0, 3600.0, 21_600.0]),
    st.integers(1, 40),
)
def test_any_series_has_a_bounded_answer(values, step, ahead):
    said = forecast(Series(0.0, step, values), ahead)

    assert len(said.expected) == len(said.lower) == len(said.upper) == ahead
    if np.isfinite(values).any():
        assert np.isfinite(said.expected).all()
        assert np.all(said.lower <= said.expected)
        assert np.all(said.expected <= said.upper)


def test_samples_in_any_order_come_onto_one_grid():
    series = on_grid([30.0, 0.0, 10.0, 30.4], [3.0, 0.0, 1.0, 5.0], 10.0)

    assert series.start == 0.0
    assert str(series.values) == "[ 0.  1. nan  4.]"


def test_moments_and_values_that_are_none_are_gaps():
    series = on_grid([0.0, float("nan"), 20.0], [1.0, 5.0, float("inf")], 10.0)

    assert str(series.values) == "[ 1. nan nan]"


def test_a_moment_far_off_does_not_take_all_memory():
    assert len(on_grid([0.0, 1e15], [1.0, 2.0], 1.0)) <= 100_000


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(UsageError) as refused:
        on_grid([1.0, 2.0], [1.0])

    assert str(refused.value) == "2 times and 1 values; give one value for each time"


def test_events_are_counted_in_full_steps():
    series = counted([0.0, 1.0, 25.0, 30.5], 10.0, [4.0, 6.0, 30.0, 99.0])

    assert list(series.values) == [1.0, 0.0, 3.0]


def test_the_crossing_is_where_the_bound_meets_the_capacity():
    times, values = np.array([100.0, 200.0, 300.0]), np.array([5.0, 9.0, 12.0])

    assert seconds_until(times, values, 9.0, now=50.0) == 150.0
    assert seconds_until(times, values, 20.0, now=50.0) is None
    assert seconds_until(times, values, 1.0, now=150.0) == 0.0


def test_the_crossing_is_said_in_words():
    said = forecast(Series(MONDAY, 60.0, np.full(100, 10.0)), 90)
    now = MONDAY + 100 * 60

    assert in_words(said, 5.0, now - 60) == "crosses its capacity of 5 in 1 min"
    assert in_words(said, 500.0, now) == "stays below its capacity of 500 for the next 1 h 29 min"
    assert in_words(said, None, now) == "no capacity is configured for it"


def test_the_fast_forecast_loads_no_prophet():
    loaded = "'prophet' in sys.modules, 'pandas' in sys.modules"
    code = f"import sys, analysis.forecast.loads; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False False"
