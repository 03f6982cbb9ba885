from __future__ import annotations

import numpy as np
import pytest

from analysis.detectors import LevelShift
from analysis.detectors.strays import Strays
from analysis.quantities import BY_KEY


def shift_of(before: object, after: object):
    column = np.asarray(before, dtype=float).reshape(-1, 1)
    later = np.asarray(after, dtype=float).reshape(-1, 1)
    return LevelShift(weigh_strays=True).fit(column).shifts(later)[0]


def sporadic(share: float, seed: int, rows: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(rows) < share, rng.random(rows), 0.0)


@pytest.mark.parametrize("share", [0.01, 0.03, 0.1])
def test_what_comes_and_goes_as_it_did_in_health_is_no_shift(share: float):
    found = [
        shift_of(sporadic(share, seed, 60), sporadic(share, seed + 1000, 45)) for seed in range(200)
    ]

    assert sum(abs(shift.sigmas) > 6 for shift in found) <= 6


def test_far_larger_than_the_strays_of_health_is_a_shift():
    before = np.zeros(60)
    before[[7, 30]] = 0.01

    assert shift_of(before, np.concatenate([np.zeros(40), np.full(3, 5.0)])).sigmas > 8


def test_as_large_as_the_strays_of_health_and_far_more_often_is_a_shift():
    before = np.zeros(60)
    before[[7, 30]] = 1.0

    assert shift_of(before, np.concatenate([np.zeros(20), np.ones(20)])).sigmas > 8
    assert shift_of(before, np.concatenate([np.zeros(20), np.ones(2), np.zeros(18)])).sigmas < 6


@pytest.mark.parametrize("level", [0.0, 10.0])
def test_two_wild_samples_that_healed_are_not_certain(level: float):
    healed = np.concatenate([np.full(20, level), np.full(2, 90.0), np.full(20, level)])

    assert shift_of(np.full(60, level), healed).sigmas < 8


def test_what_goes_on_at_the_end_is_believed_sooner_than_what_healed():
    onset = np.concatenate([np.zeros(40), np.ones(2)])

    assert shift_of(np.zeros(60), onset).sigmas > 8
    assert shift_of(np.zeros(60), onset[:-1]).onset is None


def test_a_last_sample_is_believed_where_the_one_before_it_had_set_out():
    health = 11.0 + np.tile([-1.5, -0.5, 0.0, 0.5, 1.5], 5)
    calm = np.full(14, 11.0)

    assert shift_of(health, [*calm, 11.5, 13.5, 42.0]).sigmas > 6
    assert shift_of(health, [*calm, 11.5, 11.0, 42.0]).onset is None


def test_strays_in_one_clump_are_one():
    apart = Strays(count=6, runs=6, of=60, size=1.0)
    together = Strays(count=6, runs=1, of=60, size=1.0)

    assert together.beyond(1.0, 12, 12, 12) < apart.beyond(1.0, 12, 12, 12)


def test_that_once_is_enough_is_said_of_what_is_told_by_whom_it_happened_to():
    assert {key for key, one in BY_KEY.items() if one.fact} == {"gpu_xid", "oom_kills", "gpu_up"}
