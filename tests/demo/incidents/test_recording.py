from __future__ import annotations

import numpy as np
import pytest

from demo.incidents.metering import Key, Meters
from demo.incidents.recording import WINDOW, quantile, rate, ratio
from demo.incidents.world import STEP

BOUNDS = (0.1, 1.0, 10.0)


def test_the_rate_of_a_steady_counter_is_its_slope():
    totals = np.arange(40) * STEP * 3.0

    assert rate(totals)[-1] == pytest.approx(3.0)


def test_a_quantile_lies_inside_its_bucket_as_prometheus_has_it():
    cumulative = np.zeros((WINDOW, 4))
    cumulative[-1] = [0.0, 10.0, 10.0, 10.0]

    assert quantile(0.5, BOUNDS, cumulative)[-1] == pytest.approx(0.55)


def test_a_quantile_in_the_open_bucket_is_the_last_bound():
    cumulative = np.zeros((WINDOW, 4))
    cumulative[-1] = [0.0, 0.0, 0.0, 10.0]

    assert quantile(0.99, BOUNDS, cumulative)[-1] == 10.0


def test_without_requests_there_is_no_quantile_and_no_ratio():
    assert np.isnan(quantile(0.99, BOUNDS, np.zeros((WINDOW, 4)))).all()
    assert np.isnan(ratio(np.zeros(3), np.zeros(3))).all()


def test_a_gauge_that_was_not_shown_is_missing_and_not_zero():
    meters = Meters()
    meters.scrape(0.0)
    meters.gauge(4.0, "queue")
    meters.scrape(15.0)

    assert np.isnan(meters.level(Key("queue"))[0])
    assert meters.level(Key("queue"))[1] == 4.0


def test_a_value_on_a_bound_counts_into_its_bucket():
    meters = Meters()
    meters.observe(BOUNDS, 1.0, "seconds")
    meters.scrape(0.0)
    counts, sums = meters.shape(Key("seconds"))

    assert counts[0].tolist() == [0.0, 1.0, 1.0, 1.0]
    assert sums[0] == 1.0
