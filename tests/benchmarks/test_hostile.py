from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.diagnose import diagnose
from analysis.evidence import Evidence
from benchmarks import hostile
from benchmarks._hostile import HARMS
from benchmarks._nonsense import SORTS, noise, white


def test_every_kind_has_its_turn_and_noise_most_of_them():
    drawn = list(hostile.kinds(20 * 16 * 10))

    assert set(drawn) == {*SORTS, *HARMS}
    assert sum(kind in SORTS for kind in drawn) == 0.6 * len(drawn)


def test_noise_and_hostile_inputs_crash_nothing_and_name_no_cause(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks._hostile.MANY", 40)
    told = hostile.measure(140, seed=1)
    whole = hostile.summed(told, dict(told))

    assert whole.inputs == 140
    assert whole.crashes == []
    # Three standard deviations: of so few, chance names more than its share.
    assert whole.confident <= 140 * hostile.ALLOWED + 3 * (140 * hostile.ALLOWED) ** 0.5


def test_a_crash_and_a_named_cause_are_told(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(hostile, "judged", lambda *_: 1 / 0)

    assert hostile.main(["7"]) == 1
    assert "white 0/0: ZeroDivisionError at test_hostile.py" in capsys.readouterr().out


def in_another_order(evidence: Evidence) -> Evidence:
    series = evidence.series
    return replace(evidence, series=series.reverse().select(reversed(series.columns)))


def test_the_same_noise_in_another_order_of_rows_and_columns_gives_the_same_verdict():
    one = noise(white, np.random.default_rng(4))

    first, second = (
        diagnose(case).model_dump(exclude={"created", "seconds"})
        for case in (one, in_another_order(one))
    )

    assert first == second
