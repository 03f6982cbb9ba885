from __future__ import annotations

import math

import polars as pl
import pytest

from analysis.evidence import SECOND, Window
from analysis.health import process_starts
from analysis.sources.gap import Gap

WINDOW = Window(0, 50 * SECOND, 100 * SECOND)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_process_start_that_is_no_time_is_no_restart(value: float):
    starts = pl.DataFrame({
        "ts_ns": [SECOND, 60 * SECOND], "value": [1.0, value], "instance": "a:1", "job": "gateway",
    })  # fmt: skip

    assert process_starts(starts, WINDOW) == ()


def test_process_starts_without_an_instance_are_read():
    starts = pl.DataFrame({
        "ts_ns": [SECOND, 60 * SECOND], "value": [1.0, 58.0], "replica": "heron",
    })  # fmt: skip
    (change,) = process_starts(starts, WINDOW)

    assert (change.kind, change.entity, change.ts_ns) == ("restart", "replica/heron", 58 * SECOND)


def test_no_gap_tells_the_password_in_an_address():
    gap = Gap("elasticsearch", "Elasticsearch at https://kim:s3cret@es:9200 cannot be reached")

    assert gap.gap == "Elasticsearch at https://es:9200 cannot be reached"
