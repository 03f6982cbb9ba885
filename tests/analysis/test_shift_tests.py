from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.detectors import adjusted, combined, persistent
from analysis.detectors.change import change_point
from analysis.detectors.counts import dispersion, rate_change, share_change
from analysis.detectors.histograms import latency_shift, mix_drift


def uniform_enough(p):
    """At most slightly too many small p-values, and none too few in the middle."""
    p = np.asarray(p)
    return np.mean(p < 0.05) < 0.08 and 0.38 < np.mean(p < 0.5) < 0.62


def test_findings_among_many_tests_are_few_under_the_null():
    rng = np.random.default_rng(1)
    found = [(adjusted(rng.uniform(size=50)) < 0.1).any() for _ in range(1000)]

    assert 0.06 < np.mean(found) < 0.14


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg():
    p = [0.01, np.nan, 0.04, 0.03, 0.5]

    assert adjusted(p) == pytest.approx([0.04, np.nan, 0.16 / 3, 0.16 / 3, 0.5], nan_ok=True)
    assert adjusted([[0.2, 0.1]]).shape == (1, 2)


def test_what_lasts_is_as_unusual_as_its_least_unusual_row():
    p = persistent([0.5, 0.01, 0.02, 0.04, np.nan, 0.01], 3)

    assert p == pytest.approx([np.nan, np.nan, 0.5, 0.04, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_one_p_of_several_holds_however_they_depend(alike):
    rng = np.random.default_rng(2)
    common = rng.normal(size=(4000, 1)) * math.sqrt(alike)
    z = common + rng.normal(size=(4000, 6)) * math.sqrt(1 - alike)
    p = combined(0.5 * np.vectorize(math.erfc)(z / math.sqrt(2)))

    assert 0.005 < np.mean(p < 0.01) < 0.015


def test_no_test_combines_to_no_p():
    assert np.isnan(combined([np.nan, np.nan]))
    assert combined([1e-12, 0.5, np.nan]) == pytest.approx(2e-12, rel=0.01)


@pytest.mark.parametrize(("rate", "seconds"), [(2.0, (60, 30)), (0.2, (100, 100))])
def test_equal_rates_give_uniform_p_values(rate, seconds):
    rng = np.random.default_rng(3)
    before, after = (rng.poisson(rate * s, 800) for s in seconds)

    assert uniform_enough(
        [rate_change(b, seconds[0], a, seconds[1]).p for b, a in zip(before, after, strict=True)]
    )


def test_events_in_clumps_need_more_of_them():
    rng = np.random.default_rng(4)
    clumps = rng.poisson(4, (400, 40)) * 5
    spread = dispersion(clumps[0])
    p = [rate_change(c[:20].sum(), 20, c[20:].sum(), 20, dispersion(c)).p for c in clumps]

    assert 2 < spread < 12
    assert np.mean(np.array(p) < 0.05) < 0.1


@pytest.mark.parametrize(
    ("counts", "ratio", "unlikely"),
    [
        ((100, 60, 50, 10), 3.0, True),
        ((0, 60, 9, 60), math.inf, True),
        ((5, 60, 5, 60), 1.0, False),
    ],
)
def test_a_rate_that_changed_is_told_with_its_ratio(counts, ratio, unlikely):
    found = rate_change(*counts)

    assert found.ratio == pytest.approx(ratio)
    assert (found.p < 0.01) is unlikely


def test_shares_of_failures_are_compared_with_how_many_there_were():
    assert share_change(1, 1000, 30, 1000).p < 1e-6
    assert share_change(1, 10, 2, 10).p > 0.3
    assert share_change(0, 0, 5, 10).p == 1.0
    assert math.isnan(share_change(0, 0, 5, 10).ratio)


@pytest.mark.parametrize("wrong", [(-1, 1, 1, 1), (1, 0, 1, 1)])
def test_counts_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 0"):
        rate_change(*wrong)


def test_more_failures_than_requests_are_refused():
    with pytest.raises(ValueError, match="at most all"):
        share_change(3, 2, 0, 0)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-3, 1e9), st.floats(1e-3, 1e9))
def test_any_counts_give_a_p_value(before, after, earlier, later):
    assert 0 < rate_change(before, earlier, after, later).p <= 1


def buckets(rng, intervals, scale=1.0, clumsy=0.3):
    """Latencies of intervals that differ among themselves, in twelve buckets."""
    middle = scale * np.exp(rng.normal(0, clumsy, intervals))
    bounds = np.geomspace(0.05, 50, 11)
    return np.array(
        [
            np.bincount(np.searchsorted(bounds, rng.gamma(3, m / 3, 80)), minlength=12)
            for m in middle
        ]
    )


def test_intervals_that_differ_among_themselves_are_no_shift():
    rng = np.random.default_rng(5)

    assert uniform_enough([latency_shift(buckets(rng, 20), buckets(rng, 8)).p for _ in range(300)])


@pytest.mark.parametrize(("scale", "slower"), [(1.8, True), (0.5, False)])
def test_slower_and_faster_are_told_apart(scale, slower):
    rng = np.random.default_rng(6)

    found = latency_shift(buckets(rng, 20), buckets(rng, 8, scale=scale))

    assert found.p < 0.01
    assert (found.greater > 0.5) is slower


def test_a_drift_of_the_mix_is_found_when_its_middle_stays():
    rng = np.random.default_rng(7)
    before = rng.multinomial(100, [0.1, 0.8, 0.1], 20)
    after = rng.multinomial(100, [0.3, 0.4, 0.3], 8)

    drift = mix_drift(before, after)

    assert drift.p < 1e-6
    assert 0.2 < drift.distance < 0.5
    assert latency_shift(before, after).p > 0.01


def test_a_mix_that_always_varies_does_not_drift():
    rng = np.random.default_rng(8)

    def mix(count):
        return np.array([rng.multinomial(100, rng.dirichlet([5, 10, 5])) for _ in range(count)])

    p = np.array([mix_drift(mix(20), mix(8)).p for _ in range(300)])

    assert np.mean(p < 0.05) < 0.1


def test_too_few_intervals_say_nothing():
    rows = np.ones((5, 4))
    gaps = np.full((5, 4), np.nan)

    assert latency_shift(rows, rows[:2]) is None
    assert mix_drift(gaps, rows) is None
    assert latency_shift(rows, np.zeros((9, 4))) is None
    assert latency_shift(rows, rows).p == 1.0


def test_no_change_gives_no_change_point():
    rng = np.random.default_rng(9)
    p = [change_point(rng.normal(size=60)).p for _ in range(400)]

    assert np.mean(np.array(p) < 0.05) < 0.07


def test_rows_that_resemble_their_neighbours_are_no_change():
    rng = np.random.default_rng(10)
    found = []
    for _ in range(300):
        noise = rng.normal(size=120)
        for row in range(1, 120):
            noise[row] += 0.6 * noise[row - 1]
        found.append(change_point(noise).p < 0.05)

    assert np.mean(found) < 0.15


def test_a_change_is_found_where_it_was():
    values = np.concatenate([np.random.default_rng(11).normal(5, 1, 40), np.full(20, 9.0)])
    values[[3, 50]] = np.nan

    change = change_point(values)

    assert abs(change.row - 40) <= 1
    assert change.p < 0.001
    assert change.after == 9.0
    assert change_point([1, 2, np.nan]) is None
    assert change_point(np.full(9, 3.0)).p == 1.0
