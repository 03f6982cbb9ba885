from __future__ import annotations

import json

import pytest
from opentelemetry import propagate
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from analysis.sources.values import weight as read_weight
from exporters.telemetry.head import RatioSampler, sampler
from exporters.telemetry.shapes.parts import WEIGHT, head_weight


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1, 0.01, 0.003])
def test_the_threshold_tells_what_a_kept_trace_stands_for(ratio: float):
    kept = RatioSampler(ratio).should_sample(None, 2**56 - 1, "x")

    state = kept.trace_state.to_header()
    assert head_weight(state) == pytest.approx(1 / ratio)
    assert read_weight(state) == pytest.approx(1 / ratio)


def test_the_share_that_is_kept_is_the_one_that_was_asked_for():
    ids, chosen = RandomIdGenerator(), RatioSampler(0.25)
    kept = sum(
        chosen.should_sample(None, ids.generate_trace_id(), "x").decision.is_sampled()
        for _ in range(8_000)
    )

    assert 1_700 < kept < 2_300


def test_all_are_kept_where_nothing_is_asked():
    assert "AlwaysOnSampler" in sampler(1.0).get_description()


def test_what_a_caller_kept_is_kept_with_its_weight_in_every_shape(section, start):
    caller = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "ot=th:c",
    }
    config = section(kind="store", sample_ratio=0.000001)
    telemetry = start(config)
    for name, headers in (("kept", caller), ("ours", {})):
        with telemetry.tracer.start_as_current_span(name, context=propagate.extract(headers)):
            pass
    telemetry.shutdown()

    (line,) = (config.store_dir / "traces-replica_replica_1-000001.ndjson").read_text().splitlines()
    told = json.loads(line)
    assert ("kept", {WEIGHT: 4.0}, "ot=th:c") == (
        told["name"], told["attributes"], told["trace_state"],
    )  # fmt: skip


def test_tail_weights_are_written_and_what_was_left_out_is_counted(section, start):
    config = section(kind="store", tail_one_in=100, tail_slowest=0)
    telemetry = start(config)
    for _ in range(100):
        with telemetry.tracer.start_as_current_span("work"):
            pass
    telemetry.shutdown()

    lines = (config.store_dir / "traces-replica_replica_1-000001.ndjson").read_text().splitlines()
    assert [100.0] == [json.loads(line)["attributes"][WEIGHT] for line in lines]
    assert "busysignal_telemetry_sampled_out_total 99.0" in telemetry.collect_text()
