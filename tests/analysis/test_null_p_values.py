"""Where nothing happens a p-value below .01 comes once in a hundred rows, whatever the rows are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from analysis.detectors import SeriesStream, Tail, adjusted, persistent
from analysis.detectors.change import change_point
from analysis.detectors.counts import dispersion, rate_change
from analysis.detectors.histograms import latency_shift, mix_drift
from analysis.detectors.multivariate import together
from analysis.detectors.seasonal import SeasonalBaseline
from analysis.detectors.workload import WorkloadAdjusted

DAY_ROWS = 96
Draw = Callable[[np.random.Generator, int], np.ndarray]


def autoregressive(rng: np.random.Generator, rows: int, carried: float) -> np.ndarray:
    noise, found = rng.normal(size=rows + 200), np.zeros(rows + 200)
    for row in range(1, rows + 200):
        found[row] = carried * found[row - 1] + noise[row]
    return found[200:]


STEADY: dict[str, Draw] = {
    "white": lambda rng, rows: rng.normal(size=rows),
    "autocorrelated": lambda rng, rows: autoregressive(rng, rows, 0.7),
    "slowly wandering": lambda rng, rows: autoregressive(rng, rows, 0.95),
    "heavy-tailed": lambda rng, rows: rng.standard_t(3, rows),
    "skewed": lambda rng, rows: 1e12 * rng.lognormal(0, 1, rows),
    "rare counts": lambda rng, rows: rng.poisson(0.1, rows).astype(float),
    "rounded": lambda rng, rows: np.round(rng.normal(100, 1, rows)),
}


def daily_counts(rng: np.random.Generator, rows: int) -> np.ndarray:
    hour = np.arange(rows) * 2 * np.pi / DAY_ROWS
    return rng.poisson(20 * (1.2 + np.sin(hour))).astype(float)


KINDS = {**STEADY, "seasonal counts": daily_counts}


def shares(p: np.ndarray) -> tuple[float, float]:
    known = p[np.isfinite(p)]
    return float((known < 0.01).mean()), float((known < 1e-4).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_rarely_surprised(kind: str):
    p = np.concatenate([
        SeriesStream(2 * DAY_ROWS, 86_400 / DAY_ROWS).extend(
            KINDS[kind](np.random.default_rng(seed), 8 * DAY_ROWS)
        ).p
        for seed in range(20)
    ])  # fmt: skip

    once, never = shares(p)
    assert once <= 0.02
    assert never <= 0.003
    assert shares(persistent(p, 3))[0] <= 0.02


@pytest.mark.parametrize(
    ("health", "kind"),
    # Forty rows of the others are one look, or hold no tail.
    [(300, kind) for kind in STEADY]
    + [(40, kind) for kind in STEADY if kind not in ("slowly wandering", "skewed")],
)
@pytest.mark.parametrize("name", ["pca_residual", "workload"])
def test_rows_of_health_are_rarely_unusual(name: str, health: int, kind: str):
    if (name, kind) == ("workload", "rare counts"):
        kind = "rounded"  # what is nearly always 0 is no time
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        parts = [STEADY[kind](rng, health + 100) for _ in range(3)]
        rows = np.column_stack([parts[0] + parts[1] + 0.3 * parts[2], parts[1], parts[2]])
        detector = WorkloadAdjusted() if name == "workload" else together()[name]
        found.append(detector.fit(rows[:health]).p_values(rows[health:]))

    assert shares(np.concatenate(found))[0] <= 0.025


@pytest.mark.parametrize("name", ["isolation_forest", "robust_covariance"])
def test_rows_are_rarely_unusual_to_a_calibrated_detector(name: str):
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.standard_t(3, 1300), rng.poisson(0.1, 1300), rng.normal(size=1300)])

    assert shares(together()[name].fit(rows[:300]).p_values(rows[300:]))[0] <= 0.025


def test_hours_of_days_like_those_before_are_rarely_unusual():
    found = []
    for seed in range(12):
        values = daily_counts(np.random.default_rng(seed), 8 * DAY_ROWS)
        rows = np.column_stack([np.arange(len(values)) * 86_400 / DAY_ROWS, values])
        found.append(SeasonalBaseline().fit(rows[: 5 * DAY_ROWS]).p_values(rows[5 * DAY_ROWS :]))

    assert shares(np.concatenate(found))[0] <= 0.02


@pytest.mark.parametrize("kind", STEADY)
@pytest.mark.parametrize("rows", [60, 200])
def test_a_level_that_stays_has_no_change_point(rows: int, kind: str):
    p = [change_point(STEADY[kind](np.random.default_rng(s), rows)).p for s in range(400)]

    assert shares(np.array(p))[0] <= 0.02


def test_events_in_clumps_are_rarely_a_change_of_rate():
    p = []
    for seed in range(400):
        counts = np.random.default_rng(seed).poisson(6, 60) * 4
        before, after = counts[:45], counts[45:]
        p.append(rate_change(before.sum(), 45, after.sum(), 15, dispersion(before)).p)

    assert shares(np.array(p))[0] <= 0.02


@pytest.mark.parametrize("test", [latency_shift, mix_drift])
def test_requests_that_are_slow_together_are_rarely_a_shift(test):
    bounds, p = np.geomspace(0.05, 50, 11), []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        middles = np.exp(rng.normal(0, 0.3, 40))
        counts = np.array([
            np.bincount(np.searchsorted(bounds, rng.gamma(3, m / 3, 80)), minlength=12)
            for m in middles
        ])  # fmt: skip
        p.append(test(counts[:30], counts[30:]).p)

    assert shares(np.array(p))[0] <= 0.02


@pytest.mark.parametrize("kind", [kind for kind in STEADY if kind != "slowly wandering"])
def test_many_healthy_series_make_no_findings(kind: str):
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = [change_point(STEADY[kind](rng, 60)).p for _ in range(50)]
        found.append((adjusted(np.array(p)) < 0.05).any())

    assert np.mean(found) <= 0.15


@pytest.mark.parametrize("count", [25, 60, 1000])
def test_a_new_largest_value_is_as_rare_as_the_past_is_long(count: int):
    p = []
    for seed in range(400):
        values = np.random.default_rng(seed).exponential(size=count + 20)
        tail = Tail()
        tail.learn(values[:count])
        p.append(tail.p(values[count:]))

    once, never = shares(np.concatenate(p))
    assert 0.003 <= once <= 0.013
    assert never <= 0.001


def test_beyond_a_past_that_never_varied_p_is_what_its_length_allows():
    tail = Tail()
    tail.learn(np.full(99, 5.0))

    assert tail.p(np.array([5.0, 6.0, 1e12])).tolist() == [1.0, 0.01, 0.01]


def test_one_long_wave_is_one_look():
    wave, chance = Tail(), Tail()
    values = np.sort(np.random.default_rng(3).normal(size=200))
    wave.learn(values)
    chance.learn(np.random.default_rng(3).permutation(values))

    assert wave.p(np.array([6.0]))[0] > 5 * chance.p(np.array([6.0]))[0]
