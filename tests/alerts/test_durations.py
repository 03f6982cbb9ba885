from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.durations import Scale, parse, write

REAL = Scale(Fraction(1), Fraction(15))
DEMO = Scale(Fraction(60), Fraction(1))


@given(st.integers(min_value=1, max_value=10_000_000))
def test_what_is_written_is_read_back(seconds):
    assert parse(write(seconds)) == seconds


def test_durations_are_written_in_the_largest_units():
    assert [write(5400), write(300), write(86400), write(4320)] == ["1h30m", "5m", "1d", "1h12m"]


def test_parts_of_a_second_become_milliseconds():
    assert write(Fraction("0.5")) == "500ms"


def test_a_real_deployment_keeps_every_duration():
    assert (REAL.wait("5m"), REAL.window("5m"), REAL.window("3d")) == ("5m", "5m", "3d")


def test_a_demo_lives_sixty_times_faster():
    assert (DEMO.wait("5m"), DEMO.window("5m"), DEMO.window("1h")) == ("5s", "5s", "1m")


def test_no_wait_is_shorter_than_a_second():
    assert DEMO.wait("30s") == "1s"


def test_no_window_is_shorter_than_four_scrapes():
    assert Scale(Fraction(60), Fraction(15)).window("5m") == "1m"


def test_every_unit_of_prometheus_is_read():
    assert [parse(text) for text in ("1y2w", "500ms", "1s250ms")] == [
        365 * 86400 + 14 * 86400, Fraction(1, 2), Fraction(5, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "5", "5 m", "1x", "m5", "-1s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="no duration; write 30s, 5m, 1h30m or 3d"):
        parse(text)
