"""The change detector: its rates by simulation, and its behaviour sample by sample.

The simulation here is a fiftieth of the one behind docs/benchmarks/probe_detector.md.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.probe_detector import KINDS, delays, false_alarms_per_hour, hourly_maxima
from inference_probe import detector
from inference_probe.detector import Detector, Normal

NORMAL = Normal(seconds=1e-3, noise=0.01, samples=60)


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_kernels_are_called_slow_less_than_once_in_ten_thousand_hours(kind: str) -> None:
    alarms, judged = false_alarms_per_hour(kind, 0.02, devices=5000, hours=4)

    assert judged > 0.6
    assert alarms <= 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [0.003, 0.02])
def test_five_percent_are_found_within_ten_minutes(kind: str, noise: float) -> None:
    found = delays(kind, noise, devices=2000)

    assert (found <= 600).mean() >= 0.99
    assert np.median(found) <= 240


def test_a_doubled_time_is_found_within_four_minutes() -> None:
    assert np.quantile(delays("student_t3", 0.02, slowdown=2.0, devices=2000), 0.99) <= 240


def test_one_percent_slower_is_no_fault() -> None:
    found = delays("normal", 0.01, slowdown=1.01, devices=2000)

    assert np.isinf(found).mean() > 0.999


def test_the_simulation_would_see_a_threshold_that_is_too_low() -> None:
    maxima = hourly_maxima("laplace", 0.02, devices=5000, hours=4)

    assert (maxima >= 10.0).mean() > 1e-3


def samples(count: int, factor: float, seed: int = 1) -> list[float]:
    draw = random.Random(seed)
    return [1e-3 * factor * draw.lognormvariate(0.0, 0.01) for _ in range(count)]


def verdicts(found: Detector, seconds: list[float]) -> list[bool | None]:
    told = []
    for one in seconds:
        found.take(one, NORMAL)
        told.append(found.verdict(NORMAL))
    return told


def test_it_follows_a_slowdown_and_the_recovery() -> None:
    follower = Detector()

    healthy = verdicts(follower, samples(200, 1.0))
    slow = verdicts(follower, samples(60, 1.05, seed=2))
    well = verdicts(follower, samples(30, 1.0, seed=3))

    assert not any(healthy)
    assert slow.index(True) < 20
    assert all(slow[20:])
    assert not any(well[15:])


def test_no_few_wild_samples_decide() -> None:
    follower = Detector()

    assert not any(verdicts(follower, [1.0] * 7))


def test_a_kernel_that_is_too_noisy_has_no_verdict() -> None:
    noisy = Normal(seconds=1e-3, noise=0.05, samples=60)
    follower = Detector()
    for _ in range(50):
        follower.take(2e-3, noisy)

    assert follower.verdict(noisy) is None
    assert Detector().verdict(None) is None


def test_what_is_normal_is_the_median_and_shrugs_off_wild_samples() -> None:
    learned = [*samples(55, 1.0), *([0.5] * 5)]

    normal = Normal.of(learned)

    assert normal.seconds == pytest.approx(1e-3, rel=0.01)
    assert 0.01 <= normal.noise < 0.02
    assert normal.samples == 60


def test_noise_from_few_samples_is_taken_for_larger() -> None:
    few, many = (detector.estimated_noise(0.02, count) for count in (10, 100))

    assert few > many > 1.4826 * 0.02


def test_a_quiet_kernel_is_treated_as_one_percent_noisy() -> None:
    assert Normal.of([1e-3] * 60).noise == detector.LEAST_NOISE
