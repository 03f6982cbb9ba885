from __future__ import annotations

import math
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.catalog.requests import ATTEMPTS, PROMPT_LENGTH, QUEUE_DEPTH, REQUEST_DURATION
from exporters.catalog.signal import Gauge
from exporters.catalog.stack import METRICS_ERRORS
from exporters.exposition import Registry

WILD = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "\\", '"', "\n", "\\n", '\\"', "%d", "%", "%%(a)s", "{", "}", 'a="b"', " nan\n", "\r", "#"]
)


def filled() -> Registry:
    registry = Registry()
    registry.counter(METRICS_ERRORS)
    registry.counter(ATTEMPTS).inc(2, 'r"1"\n100%\\', "ok")
    registry.gauge(QUEUE_DEPTH).set(3, "chat", "vip")
    registry.gauge(QUEUE_DEPTH).set(math.nan, "chat", "normal")
    registry.gauge(QUEUE_DEPTH).set(-math.inf, "chat", "batch")
    registry.histogram(REQUEST_DURATION).observe(0.25, "chat", "vip")
    registry.histogram(PROMPT_LENGTH).observe(131072, "chat")
    return registry


def parsed(registry: Registry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(registry.collect_text())
        for sample in family.samples
    }


def test_the_page_reads_as_agreed(golden):
    golden.check("page.txt", filled().collect_text())


def test_promtool_has_nothing_to_say(promtool):
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=filled().collect_text(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.stdout + checked.stderr == ""
    assert checked.returncode == 0


@given(WILD, WILD)
def test_any_label_value_comes_back_as_it_was(first, second):
    registry = Registry()

    registry.gauge(QUEUE_DEPTH).set(1.5, first, second)
    registry.histogram(REQUEST_DURATION).observe(0.25, first, second)

    read = parsed(registry)
    carried = {
        "model": first.encode("utf-8", "replace").decode(),
        "priority": second.encode("utf-8", "replace").decode(),
    }
    labels = frozenset(carried.items())
    assert read["llm_queue_depth", labels] == 1.5
    assert read["llm_request_duration_seconds_count", labels] == 1


@given(st.floats())
def test_any_value_comes_back_as_it_was(value):
    registry = Registry()

    registry.gauge(QUEUE_DEPTH).set(value, "chat", "vip")

    (read,) = parsed(registry).values()
    assert read == value or (math.isnan(read) and math.isnan(value))


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_buckets_only_grow_and_end_at_the_count(values):
    registry = Registry()
    for value in values:
        registry.histogram(REQUEST_DURATION).observe(value, "chat", "vip")

    (family,) = text_string_to_metric_families(registry.collect_text())
    buckets = [sample.value for sample in family.samples if sample.name.endswith("_bucket")]
    (count,) = (sample.value for sample in family.samples if sample.name.endswith("_count"))
    assert buckets == sorted(buckets)
    assert buckets[-1] == count == len(values)


def test_a_help_of_several_lines_stays_one_line():
    registry = Registry()

    registry.gauge(Gauge(name="odd", help="One\ntwo \\ three")).set(1)

    assert registry.collect_text().splitlines()[0] == "# HELP odd One\\ntwo \\\\ three"


@given(st.text(st.sampled_from('\0\1a%",{}'), max_size=6))
def test_a_histograms_labels_come_through_whatever_they_hold(value):
    registry = Registry()
    registry.histogram(PROMPT_LENGTH).observe(1, value)

    (family,) = text_string_to_metric_families(registry.collect_text())

    assert {sample.labels["model"] for sample in family.samples} == {value}
    assert len(family.samples) == len(PROMPT_LENGTH.buckets) + 3
