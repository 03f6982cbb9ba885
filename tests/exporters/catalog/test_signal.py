from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from exporters.catalog import ROOMS, Counter, Gauge, Histogram, Recorded
from exporters.catalog.signal import UnknownBucketError, UnknownLabelError, format_bound

LATENCY = Histogram(
    name="x_seconds", help="x", labels=("model",), buckets=(0.5, 1.0), unit="seconds"
)

FOREIGN = {"foreign", "engines"}
"""Rooms of names that others chose."""


def test_a_family_refuses_to_stand_in_for_one_of_its_series():
    with pytest.raises(TypeError, match="name the series you mean: x_seconds has no single series"):
        f"rate({LATENCY}[5m])"


def test_a_histogram_hands_out_bucket_count_and_sum():
    assert list(LATENCY.selectors()) == ["x_seconds_bucket", "x_seconds_count", "x_seconds_sum"]


def test_matchers_are_written_in_the_order_they_were_added():
    selector = LATENCY.bucket.where(model="m").matching(replica="a|b")

    assert selector == 'x_seconds_bucket{model="m",replica=~"a|b"}'
    assert selector.series == "x_seconds_bucket"


def test_an_unknown_label_is_refused_with_the_labels_there_are():
    with pytest.raises(UnknownLabelError) as error:
        LATENCY.count.where(mdoel="m")

    assert (
        str(error.value)
        == "x_seconds_count has no label 'mdoel'; it has instance, job, model, replica, service"
    )


def test_a_bound_that_is_no_bucket_is_refused_with_the_buckets_there_are():
    with pytest.raises(UnknownBucketError) as error:
        LATENCY.le(0.3)

    assert str(error.value) == "x_seconds has no bucket at 0.3; it has 0.5, 1.0"


def test_a_bound_is_selected_as_the_exporter_writes_it():
    assert LATENCY.le(1) == 'x_seconds_bucket{le="1.0"}'
    assert LATENCY.le(float("inf")) == 'x_seconds_bucket{le="+Inf"}'


@given(st.floats(min_value=1e-4, max_value=1e12, allow_nan=False))
def test_bounds_are_written_as_prometheus_client_writes_them(bound: float):
    assert floatToGoString(bound) == format_bound(bound)


def test_a_recorded_series_has_only_the_labels_it_is_aggregated_by():
    recorded = Recorded(name="a:b", help="x", labels=("service",))

    with pytest.raises(UnknownLabelError):
        recorded.value.where(instance="x")


def test_names_are_unique_and_follow_the_conventions_of_prometheus():
    own = [s for room, signals in ROOMS.items() if room not in FOREIGN for s in signals]

    names = [signal.name for signal in own]
    assert len(names) == len(set(names))
    for signal in own:
        assert len(signal.labels) <= 6 if signal.name.endswith("_info") else True
        if isinstance(signal, Counter):
            assert not signal.name.endswith("_total"), signal.name
        if isinstance(signal, Gauge | Histogram) and signal.unit == "seconds":
            assert signal.name.endswith("_seconds"), signal.name
        if isinstance(signal, Gauge | Histogram) and signal.unit == "bytes":
            assert signal.name.endswith("_bytes"), signal.name


def test_identity_alone_may_carry_more_than_three_labels():
    for room, signals in ROOMS.items():
        for signal in signals:
            if not signal.name.endswith("_info") and room not in {"neutral", *FOREIGN}:
                assert len(signal.labels) <= 3, signal.name
