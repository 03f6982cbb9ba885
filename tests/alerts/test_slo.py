from __future__ import annotations

from decimal import Decimal

import pytest

from alerts import slo
from alerts.durations import parse


@pytest.mark.parametrize(
    ("factor", "target", "expected"),
    [
        ("14.4", "0.995", "0.072"),
        ("14.4", "0.999", "0.0144"),
        ("6", "0.99", "0.06"),
        ("1", "0.9999", "0.0001"),
        ("3", "0.9", "0.3"),
    ],
)
def test_thresholds_are_exact_decimals(factor, target, expected):
    burn = slo.Burn(Decimal(factor), "1h", "5m")

    assert slo.threshold(burn, Decimal(target)) == expected


def test_a_loose_target_asks_for_no_more_than_every_request():
    assert slo.threshold(slo.PAGE[0], Decimal("0.9")) == "0.999"


def test_each_factor_spends_the_share_of_a_month_that_the_workbook_names():
    month = parse("30d")

    spent = [burn.factor * int(parse(burn.long)) / int(month) for burn in slo.PAGE + slo.TICKET]

    assert spent == [Decimal("0.02"), Decimal("0.05"), Decimal("0.1"), Decimal("0.1")]


def test_every_short_window_is_a_twelfth_of_its_long_one():
    assert {parse(burn.long) / parse(burn.short) for burn in slo.PAGE + slo.TICKET} == {12}
