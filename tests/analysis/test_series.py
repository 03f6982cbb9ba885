from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from analysis.detectors import Latch, SeriesStream, Tail

RNG = np.random.default_rng(3)
NOISE = RNG.normal(20.0, 2.0, 900)
STEP = 3600.0
WILD = st.floats(allow_nan=True, allow_infinity=True, width=64)


def scored(values, warmup=150, step=STEP, chunks=None):
    stream = SeriesStream(warmup, step)
    edges = [0, *(chunks or []), len(values)]
    parts = [stream.extend(values[a:b]) for a, b in itertools.pairwise(edges)]
    return [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("surprise", "p", "alarm")
    ]


def seasonal(rows=900):
    hours = np.arange(rows)
    return 50 + 30 * np.sin(2 * np.pi * hours / 24) + RNG.normal(0, 1.0, rows)


@pytest.mark.parametrize("chunks", [[1, 2, 3, 200, 201, 450], [74, 75, 76], list(range(300, 340))])
def test_streaming_and_batch_give_the_same_answer(chunks):
    values = seasonal(520)
    values[400] = np.nan

    for whole, parts in zip(scored(values), scored(values, chunks=chunks), strict=True):
        assert parts == pytest.approx(whole, rel=1e-6, nan_ok=True)


def test_the_future_changes_nothing_before_it():
    values = seasonal()
    other = values.copy()
    other[600:] = 1e6

    for now, then in zip(scored(values), scored(other), strict=True):
        assert now[:600] == pytest.approx(then[:600], nan_ok=True)


@pytest.mark.parametrize(("factor", "zero"), [(1e6, 0.0), (1e-6, 0.0), (1.0, 1e4), (1000.0, -7.0)])
def test_neither_unit_nor_zero_matters(factor, zero):
    values = seasonal()

    surprise, _, alarm = scored(values)
    other, _, alarms = scored(values * factor + zero)

    assert other == pytest.approx(surprise, rel=1e-3, abs=0.02, nan_ok=True)
    assert (alarms > 0).tolist() == (alarm > 0).tolist()


def test_while_nothing_changes_p_values_are_uniform():
    p = np.concatenate(
        [scored(np.random.default_rng(seed).normal(size=1500))[1][300:] for seed in range(8)]
    )

    # Neighbouring rows share most of what they are judged by: fewer witnesses than rows.
    assert kstest(p[np.isfinite(p)], "uniform").statistic < 0.08
    assert np.mean(p < 0.01) < 0.03


def test_a_spike_is_an_alarm_and_the_noise_is_not():
    values = NOISE.copy()
    values[700] = 60.0

    _, p, alarm = scored(values)

    assert 700 in np.flatnonzero(alarm)
    assert len(np.flatnonzero(alarm)) <= 3
    assert p[700] < 0.005


@pytest.mark.parametrize("level", [5.0, 35.0])
def test_a_level_up_or_down_is_an_alarm(level):
    values = NOISE.copy()
    values[600:] += level - 20

    assert any(600 <= row < 610 for row in np.flatnonzero(scored(values)[2]))


def test_a_missing_daily_peak_is_an_alarm_though_its_height_is_usual():
    values = seasonal()
    values[24 * 25 : 24 * 26] = 21.0

    assert any(600 <= row < 624 for row in np.flatnonzero(scored(values)[2]))


def test_missing_rows_stay_missing_and_the_rest_is_judged():
    values = NOISE.copy()
    values[300:310], values[500] = np.nan, np.inf

    surprise, p, alarm = scored(values)

    for missing in (slice(300, 310), slice(500, 501)):
        assert np.isnan(surprise[missing]).all()
        assert np.isnan(p[missing]).all()
        assert not alarm[missing].any()
    assert np.isfinite(surprise[311:500]).all()


def test_before_the_warm_up_nothing_is_an_alarm():
    values = NOISE.copy()
    values[100] = 1e6

    assert not scored(values)[2][:150].any()


def test_a_flat_line_is_no_alarm_and_its_first_step_is():
    values = np.full(600, 7.0)
    values[500:] = 7.5
    alarms = np.flatnonzero(scored(values)[2])

    assert alarms[0] == 500


@given(st.lists(WILD, max_size=120), st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_wild_series_are_scored_in_bounds(values, warmup):
    surprise, p, alarm = scored(np.array(values), warmup=warmup)

    assert len(surprise) == len(p) == len(alarm) == len(values)
    assert ((surprise >= 0) & (surprise <= 5) | np.isnan(surprise)).all()
    assert ((p > 0) & (p <= 1) | np.isnan(p)).all()


def test_an_alarm_holds_unless_it_gets_much_worse():
    latch = Latch(1.0, lambda _: 5, worse=1.5)
    first = latch.extend(np.array([0.5, 1.2, 1.3, 2.0, 2.1, np.nan, 1.0, 1.0, 1.0]))
    later = latch.extend(np.array([1.0, 1.0]))

    assert first.tolist() == [0, 1.2, 0, 2.0, 0, 0, 0, 0, 1.0]
    assert later.tolist() == [0, 0]


def test_a_tail_is_the_share_of_the_past_and_goes_on_beyond_it():
    tail = Tail()
    tail.learn(np.random.default_rng(1).exponential(size=5000))

    p = tail.p(np.array([0.0, 0.6931, 4.6, 15.0, np.nan]))

    assert p[:3] == pytest.approx([1.0, 0.5, 0.01], rel=0.1)
    assert p[3] == pytest.approx(np.exp(-15), rel=3)
    assert np.isnan(p[4])


def test_a_short_past_says_nothing():
    tail = Tail(least=20)
    tail.learn(np.full(19, 1.0))

    assert np.isnan(tail.p(np.array([2.0]))).all()
