from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporters.catalog.requests import (
    ATTEMPTS,
    FALLBACKS,
    INTER_TOKEN_LATENCY,
    QUEUE_DEPTH,
    REPLICA_EJECTED,
)
from exporters.catalog.signal import Counter
from exporters.catalog.stack import METRICS_ERRORS, VERDICT_BACKLOG
from exporters.exposition import Registry


def samples(registry: Registry) -> list[str]:
    return [line for line in registry.collect_text().splitlines() if not line.startswith("#")]


def test_a_gauge_nobody_set_is_absent():
    registry = Registry()

    registry.gauge(VERDICT_BACKLOG)

    assert registry.collect_text() == ""


def test_a_counter_without_labels_starts_at_zero():
    registry = Registry()

    registry.counter(METRICS_ERRORS)

    assert samples(registry) == ["busysignal_metrics_errors_total 0.0"]


def test_registering_a_signal_again_returns_the_same_family():
    registry = Registry()

    assert registry.gauge(QUEUE_DEPTH) is registry.gauge(QUEUE_DEPTH)


def test_two_definitions_of_one_name_are_refused():
    registry = Registry()
    registry.counter(FALLBACKS)

    with pytest.raises(ValueError, match="llm_fallbacks is already registered with another def"):
        registry.counter(Counter(name=FALLBACKS.name, help="Something else."))


def test_the_number_of_label_values_must_be_the_catalogues():
    with pytest.raises(
        ValueError, match=r"llm_queue_depth takes 2 label values \(model, priority\), got \('chat',"
    ):
        Registry().gauge(QUEUE_DEPTH).set(1, "chat")


def test_a_counter_cannot_go_down():
    with pytest.raises(ValueError, match=r"a counter cannot go down \(got -1\)"):
        Registry().counter(FALLBACKS).inc(-1, "chat")


def test_a_total_counted_elsewhere_is_taken_over():
    registry = Registry()

    registry.counter(FALLBACKS).set_total(41, "chat")
    registry.counter(FALLBACKS).inc(1, "chat")

    assert samples(registry) == ['llm_fallbacks_total{model="chat"} 42.0']


def test_cached_children_and_label_values_write_the_same_series():
    registry = Registry()
    child = registry.gauge(QUEUE_DEPTH).labels("chat", "vip")

    child.inc(3)
    registry.gauge(QUEUE_DEPTH).dec(1, "chat", "vip")

    assert samples(registry) == ['llm_queue_depth{model="chat",priority="vip"} 2.0']


def test_label_values_need_not_be_text():
    registry = Registry()

    registry.gauge(REPLICA_EJECTED).set(1, 7)
    registry.gauge(REPLICA_EJECTED).set(0, "7")

    assert samples(registry) == ['llm_replica_ejected{replica="7"} 0.0']


def test_label_sets_past_the_cap_are_counted_together():
    registry = Registry(max_children=2)

    for replica in ("a", "b", "c", "d", "a"):
        registry.counter(ATTEMPTS).inc(1, replica, "ok")

    assert samples(registry) == [
        'llm_attempts_total{replica="a",outcome="ok"} 2.0',
        'llm_attempts_total{replica="b",outcome="ok"} 1.0',
        'llm_attempts_total{replica="_other",outcome="_other"} 2.0',
    ]


def test_a_removed_label_set_ends_its_series():
    registry = Registry()
    ejected = registry.gauge(REPLICA_EJECTED)
    ejected.set(1, "a")
    ejected.set(1, "b")

    ejected.remove("a")
    assert samples(registry) == ['llm_replica_ejected{replica="b"} 1.0']

    ejected.clear()
    assert registry.collect_text() == ""


def test_replacing_a_gauge_leaves_only_the_new_series():
    registry = Registry()
    ejected = registry.gauge(REPLICA_EJECTED)
    ejected.set(1, "a")

    ejected.replace({("b",): 1, ("c",): 0})

    assert samples(registry) == [
        'llm_replica_ejected{replica="b"} 1.0',
        'llm_replica_ejected{replica="c"} 0.0',
    ]


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        pytest.param(0.001, "0.001", id="a bound belongs to its own bucket"),
        pytest.param(0.0011, "0.0025", id="past a bound begins the next"),
        pytest.param(99.0, "+Inf", id="past the last bound"),
        pytest.param(math.inf, "+Inf", id="infinite"),
    ],
)
def test_a_value_lands_in_the_first_bucket_that_holds_it(value, bucket):
    registry = Registry()

    registry.histogram(INTER_TOKEN_LATENCY).observe(value, "chat")

    filled = [line for line in samples(registry) if "_bucket" in line and line.endswith(" 1")]
    assert f'le="{bucket}"' in filled[0]


def test_a_value_that_was_not_measured_is_left_out():
    registry = Registry()

    registry.histogram(INTER_TOKEN_LATENCY).observe(math.nan, "chat")

    assert 'llm_inter_token_latency_seconds_count{model="chat"} 0' in samples(registry)
    assert 'llm_inter_token_latency_seconds_sum{model="chat"} 0.0' in samples(registry)


def test_nothing_is_lost_when_many_threads_count():
    registry = Registry()

    def count(_: int) -> None:
        for _ in range(2000):
            registry.counter(FALLBACKS).inc(1, "chat")
            registry.histogram(INTER_TOKEN_LATENCY).observe(0.01, "chat")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))

    assert 'llm_fallbacks_total{model="chat"} 16000.0' in samples(registry)
    assert 'llm_inter_token_latency_seconds_count{model="chat"} 16000' in samples(registry)
