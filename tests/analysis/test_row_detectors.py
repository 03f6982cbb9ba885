from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import kstest
from sklearn.covariance import EllipticEnvelope
from sklearn.utils.estimator_checks import parametrize_with_checks

from analysis.detectors.multivariate import Calibrated, ResidualPCA, together
from analysis.detectors.seasonal import DAY, SeasonalBaseline
from analysis.detectors.workload import WorkloadAdjusted

HOUR = 3600.0
WILD = st.floats(allow_nan=True, allow_infinity=True, width=64)

ROBUST = EllipticEnvelope(random_state=0)


def every():
    return [*together().values(), SeasonalBaseline(), WorkloadAdjusted()]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [ResidualPCA(), SeasonalBaseline(), WorkloadAdjusted(), Calibrated(ROBUST)]
)
def test_they_are_proper_scikit_learn_estimators(estimator, check):
    check(estimator)


def healthy(rng, rows):
    load = rng.gamma(9.0, 1.0, rows)
    noise = rng.normal(0.0, 0.4, (3, rows))
    return np.column_stack([load + noise[0], 2 * load + noise[1], 30 - load + noise[2]])


@pytest.mark.parametrize("detector", together().values(), ids=together())
def test_under_health_p_values_are_uniform(detector):
    rng = np.random.default_rng(5)
    detector.fit(healthy(rng, 1500))

    p = detector.p_values(healthy(rng, 1500))

    assert kstest(p, "uniform").statistic < 0.06
    assert 0.002 < np.mean(p < 0.01) < 0.025


@pytest.mark.parametrize("name", ["robust_covariance", "pca_residual"])  # forests cut by axis
def test_values_that_are_each_usual_but_not_together_are_found(name):
    detector = together()[name].fit(healthy(np.random.default_rng(6), 600))

    odd, all_busy = detector.p_values([[15.0, 12.0, 24.0], [12.0, 24.0, 18.0]])

    assert odd < 0.02 < all_busy


def test_units_of_the_columns_do_not_matter():
    rows = healthy(np.random.default_rng(7), 400)
    factors = np.array([1e6, 1e-3, 1.0])

    for detector in together().values():
        plain = detector.fit(rows).p_values(rows[:40])
        scaled = detector.fit(rows * factors).p_values(rows[:40] * factors)
        assert scaled == pytest.approx(plain, rel=0.05, abs=0.01)


def work(rng, rows, tokens=400.0):
    prompt = rng.gamma(4.0, tokens / 4, rows)
    seconds = 0.2 + 0.002 * prompt + rng.normal(0.0, 0.03, rows)
    return np.column_stack([seconds, prompt])


def test_slower_because_prompts_are_longer_is_no_anomaly_and_slower_by_itself_is():
    rng = np.random.default_rng(8)
    detector = WorkloadAdjusted().fit(work(rng, 500))
    longer, slower = work(rng, 200, tokens=1200.0), work(rng, 200)
    slower[:, 0] *= 1.5

    assert np.mean(detector.predict(longer) == -1) < 0.05
    assert np.mean(detector.predict(slower) == -1) > 0.8
    assert np.median(detector.residuals(slower)) > 4


def test_what_is_left_of_a_time_after_its_work_is_uniform_under_health():
    rng = np.random.default_rng(9)

    p = WorkloadAdjusted().fit(work(rng, 4000)).p_values(work(rng, 4000))

    assert kstest(p, "uniform").statistic < 0.06


def test_wild_rows_while_learning_do_not_bend_what_is_usual():
    rng = np.random.default_rng(10)
    rows = work(rng, 500)
    rows[::25, 0] = 90.0

    expected = WorkloadAdjusted().fit(rows).residuals([[0.2 + 0.8, 400.0]])

    assert abs(expected[0]) < 1


def days(rng, count, step=HOUR / 2):
    times = np.arange(0, count * DAY, step)
    usual = 100 + 60 * np.sin(2 * np.pi * times / DAY)
    return np.column_stack([times, usual + rng.normal(0, 3, len(times))])


def test_a_night_value_at_noon_is_unusual_though_its_height_is_not():
    detector = SeasonalBaseline().fit(days(np.random.default_rng(11), 14))
    noon, midnight = 14 * DAY + 6 * HOUR, 14 * DAY + 18 * HOUR

    p = detector.p_values([[noon, 160.0], [noon, 60.0], [midnight, 40.0], [midnight, np.nan]])

    assert detector.period == DAY
    assert (p[[0, 2]] > 0.02).all()
    assert p[1] < 0.002
    assert np.isnan(p[3])


def test_what_knows_no_time_gets_no_season():
    rng = np.random.default_rng(12)
    rows = days(rng, 14)
    rows[:, 1] = rng.normal(50, 5, len(rows))
    detector = SeasonalBaseline().fit(rows)

    assert detector.period is None
    assert kstest(detector.p_values(rows), "uniform").statistic < 0.06


def test_one_bad_day_is_no_course():
    rows = days(np.random.default_rng(13), 10)
    rows[48 * 3 : 48 * 4, 1] = 500.0

    at_noon = SeasonalBaseline().fit(rows).expected([20 * DAY + 6 * HOUR])

    assert at_noon[0, 0] == pytest.approx(160, abs=6)


def test_rows_with_gaps_are_not_judged():
    for detector in every():
        detector.fit(work(np.random.default_rng(14), 60))
        rows = [[np.nan, 400.0], [np.inf, 400.0], [1.0, np.nan]]

        assert np.isnan(detector.p_values(rows)).all()
        assert detector.predict(rows).tolist() == [1, 1, 1]
        assert detector.score_samples(rows).tolist() == [0, 0, 0]


def test_health_without_a_complete_row_is_refused():
    with pytest.raises(ValueError, match="every row has a gap"):
        WorkloadAdjusted().fit([[np.nan, 1.0], [1.0, np.inf]])


@given(
    health=arrays.arrays(float, (17, 2), elements=WILD),
    after=arrays.arrays(float, (3, 2), elements=WILD),
)
@settings(max_examples=15, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wild_rows_give_a_p_value_or_none(health, after):
    for detector in (ResidualPCA(), SeasonalBaseline(), WorkloadAdjusted()):
        try:
            p = detector.fit(health).p_values(after)
        except ValueError as refused:
            assert "gap" in str(refused)  # noqa: PT017  either is an answer
        else:
            assert ((p > 0) & (p <= 1) | np.isnan(p)).all()


def test_a_fitted_detector_travels():
    rows = work(np.random.default_rng(15), 100)
    for detector in every():
        detector.fit(rows)
        assert (
            pickle.loads(pickle.dumps(detector)).p_values(rows) == detector.p_values(rows)
        ).all()


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e12])
@pytest.mark.parametrize("detector", [ResidualPCA(), WorkloadAdjusted(), Calibrated(ROBUST)])
def test_rows_that_never_varied_say_no_more_than_their_number(detector, value):
    rows = np.full((60, 3), value)

    detector.fit(rows)

    assert detector.p_values(rows) == pytest.approx(1.0)
    assert 0.01 < detector.p_values(rows * 2 + 7)[0] < 0.05
