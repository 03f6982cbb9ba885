import pytest

from analysis.language import speaking
from analysis.words import number


@pytest.mark.parametrize(
    ("value", "unit", "read"),
    [
        (0.0123, "seconds", "12.3 ms"),
        (61.0, "seconds", "61 s"),
        (0.125, "ratio", "12.5 %"),
        (3 << 30, "bytes", "3 GiB"),
        (12_000.0, "requests/second", "12,000/s"),
        (0.0, "boolean", "no"),
        (1.0, "boolean", "yes"),
        (0.4, "boolean", "40 % of the time"),
    ],
)
def test_a_value_is_told_in_the_unit_that_people_say_it_in(value, unit, read):
    assert read == number(value, unit)


def test_yes_and_no_are_told_in_chinese():
    with speaking("zh"):
        assert ("否", "是") == (number(0.0, "boolean"), number(1.0, "boolean"))
