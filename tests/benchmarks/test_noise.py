from __future__ import annotations

from dataclasses import replace

from analysis.diagnose import diagnose
from benchmarks.noise import ALLOWED, evidence, measure


def test_noise_and_hostile_values_name_no_cause():
    assert measure(60, seed=1).share <= ALLOWED


def test_the_same_noise_in_another_order_of_rows_and_columns_gives_the_same_verdict():
    one = evidence("order/1")
    other = replace(one, series=one.series.reverse().select(reversed(one.series.columns)))

    first, second = (
        diagnose(case).model_dump(exclude={"created", "seconds"}) for case in (one, other)
    )

    assert first == second
