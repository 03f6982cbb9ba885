from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from analysis.detectors import LevelShift

RNG = np.random.default_rng(7)
HEALTH = RNG.normal(10.0, 1.0, (40, 1))

TRAINING_HAS_NO_OUTLIERS = "what it is fitted on is health, all of it"


def shift_of(before: object, after: object):
    column = np.asarray(before, dtype=float).reshape(-1, 1)
    return LevelShift().fit(column).shifts(np.asarray(after, dtype=float).reshape(-1, 1))[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [LevelShift()],
    expected_failed_checks=lambda _: {
        "check_outliers_train": TRAINING_HAS_NO_OUTLIERS,
        "check_outliers_fit_predict": TRAINING_HAS_NO_OUTLIERS,
    },
)
def test_it_is_a_proper_scikit_learn_estimator(estimator, check):
    check(estimator)


def test_a_level_shift_is_found_with_its_ratio_and_onset():
    after = np.concatenate([RNG.normal(10, 1, 6), RNG.normal(30, 1, 10)])

    shift = shift_of(HEALTH, after)

    assert shift.onset == 6
    assert 2.7 < shift.ratio < 3.3
    assert shift.sigmas > 8


def test_a_blip_that_healed_is_not_when_it_began():
    after = np.concatenate([np.full(2, 20.0), np.full(8, 10.0), np.full(10, 30.0)])

    assert shift_of(HEALTH, after).onset == 10


def test_a_gap_in_what_goes_on_is_not_its_end():
    after = np.concatenate([np.full(3, 10.0), np.full(8, 30.0), np.full(3, 10.0), np.full(6, 40.0)])

    assert shift_of(HEALTH, after).onset == 3


def test_a_drop_is_found_as_a_rise_is():
    shift = shift_of(HEALTH, np.full(10, 2.0))

    assert shift.sigmas < -4
    assert shift.ratio < 0.3


def test_noise_alone_is_no_shift():
    found = [
        shift_of(
            np.random.default_rng(seed).normal(10, 1, 25),
            np.random.default_rng(seed + 1000).normal(10, 1, 20),
        )
        for seed in range(300)
    ]

    assert sum(abs(shift.sigmas) > 4 for shift in found) <= 3


def test_one_wild_sample_is_no_level():
    after = np.full(12, 10.0)
    after[5] = 500.0

    assert shift_of(HEALTH, after).onset is None


@given(factor=st.sampled_from([1e-9, 1e-3, 1.0, 1e3, 1e6]))
@settings(max_examples=10, deadline=None)
def test_the_unit_does_not_matter(factor):
    after = np.concatenate([np.full(4, 10.5), np.full(8, 17.0)])
    plain, scaled = shift_of(HEALTH, after), shift_of(HEALTH * factor, after * factor)

    assert scaled.sigmas == pytest.approx(plain.sigmas, rel=1e-6)
    assert scaled.ratio == pytest.approx(plain.ratio, rel=1e-6)
    assert scaled.onset == plain.onset


@pytest.mark.parametrize("unit", [1.0, 1000.0, 1e-6])
def test_a_series_that_never_moved_needs_a_change_relative_to_its_own_level(unit):
    constant = np.full(20, 5.0 * unit)

    assert shift_of(constant, np.full(8, 5.2 * unit)).onset is None
    assert shift_of(constant, np.full(8, 8.0 * unit)).onset == 0


@pytest.mark.parametrize("unit", [1.0, 1000.0, 1e-6])
def test_something_out_of_nothing_is_a_shift_in_any_unit(unit):
    shift = shift_of(np.zeros(20), np.full(8, 0.3 * unit))

    assert shift.onset == 0
    assert shift.ratio == float("inf")


def test_missing_stays_missing():
    columns = np.column_stack([np.full(20, np.nan), np.full(20, 3.0)])
    after = np.column_stack([np.full(6, 4.0), np.full(6, np.nan)])

    assert LevelShift().fit(columns).shifts(after) == [None, None]


def test_a_baseline_too_short_to_judge_by_is_not_judged():
    column = np.full((20, 1), np.nan)
    column[:3] = 1.0

    assert LevelShift().fit(column).shifts(np.full((5, 1), 9.0)) == [None]


def test_gaps_in_a_series_leave_its_shift_as_it_is():
    after = np.full(16, 30.0)
    with_gaps = after.copy()
    with_gaps[::3] = np.nan

    assert shift_of(HEALTH, with_gaps).ratio == shift_of(HEALTH, after).ratio


def test_columns_are_judged_each_for_itself():
    wild = np.column_stack([HEALTH[:, 0], HEALTH[:, 0] * 1e6])
    after = np.column_stack([np.full(8, 10.0), np.full(8, 40e6)])
    first, second = LevelShift().fit(wild).shifts(after)

    assert first.onset is None
    assert second.onset == 0


def test_rows_outside_the_threshold_are_predicted_as_outliers():
    detector = clone(LevelShift(threshold=5.0)).fit(HEALTH)

    assert detector.predict([[10.0], [80.0], [np.nan]]).tolist() == [1, -1, 1]


def test_a_blip_does_not_last():
    after = np.concatenate([np.full(6, 40.0), np.full(9, 10.0)])
    shift = shift_of(HEALTH, after)

    assert shift.ratio > 3
    assert shift.last_ratio == pytest.approx(1.0, abs=0.1)
