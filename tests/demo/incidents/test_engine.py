from __future__ import annotations

import pytest

from demo.incidents.engine import Engine, Shape
from demo.incidents.kernel import Kernel

SHAPE = Shape(
    max_batch=4, max_waiting=2, kv_tokens=10_000, base_step=0.02, step_per_sequence=0.0,
    prefill_rate=1_000.0,
)  # fmt: skip


def engine_of(**changed: float) -> tuple[Kernel, Engine]:
    kernel = Kernel()
    shape = Shape(**{name: getattr(SHAPE, name) for name in Shape.__slots__})
    for name, value in changed.items():
        setattr(shape, name, value)
    return kernel, Engine(kernel, shape)


def test_one_request_takes_its_prefill_and_its_steps():
    kernel, engine = engine_of()
    sequence = engine.submit(prompt=990, cached=0, output=100)
    kernel.run()

    assert sequence.done.value == "ok"
    assert sequence.phases == pytest.approx((0.0, 1.0, 2.0))


def test_what_the_prefix_cache_holds_is_not_computed():
    kernel, engine = engine_of()
    sequence = engine.submit(prompt=990, cached=900, output=1)
    kernel.run()

    assert sequence.phases[1] == pytest.approx(0.1)


def test_a_full_queue_is_told_at_once():
    kernel, engine = engine_of(max_waiting=1)
    outcomes = [engine.submit(100, 0, 10) for _ in range(3)]
    kernel.run()

    assert [one.done.value for one in outcomes] == ["ok", "ok", "busy"]


def test_a_full_kv_cache_throws_the_last_one_out_and_both_end():
    kernel, engine = engine_of(kv_tokens=450)
    sequences = [engine.submit(100, 0, 200), engine.submit(100, 0, 200)]
    kernel.run()

    assert [one.done.value for one in sequences] == ["ok", "ok"]
    assert sequences[1].preempted == engine.totals.preemptions == 1


def test_a_request_larger_than_the_cache_is_still_served():
    kernel, engine = engine_of(kv_tokens=50)
    sequence = engine.submit(100, 0, 20)
    kernel.run()

    assert sequence.done.value == "ok"


def test_slowness_in_the_middle_counts_from_there_on():
    kernel, engine = engine_of()
    sequence = engine.submit(990, 0, 100)
    kernel.run(until=2.0)
    engine.slow_down(3.0)
    kernel.run()

    assert sequence.phases[2] == pytest.approx(1.0 + 3.0)


def test_a_dead_device_fails_everybody_and_the_next_is_served():
    kernel, engine = engine_of()
    lost = [engine.submit(100, 0, 50) for _ in range(3)]
    kernel.run(until=0.2)
    engine.fail_all()
    later = engine.submit(100, 0, 50)
    kernel.run()

    assert [one.done.value for one in lost] == ["error"] * 3
    assert later.done.value == "ok"


def test_a_client_that_left_gives_its_room_back():
    kernel, engine = engine_of()
    gone, stays = engine.submit(100, 0, 5_000), engine.submit(100, 0, 10)
    kernel.run(until=1.0)
    engine.cancel(gone)
    kernel.run()

    assert (gone.done.value, stays.done.value) == ("gone", "ok")
    assert engine.kv_used == pytest.approx(0.0)


def test_batching_shares_the_steps():
    kernel, engine = engine_of(max_waiting=8)
    for _ in range(4):
        engine.submit(10, 0, 100)
    kernel.run()

    assert engine.totals.decode_steps < 130
    assert engine.totals.generated_tokens == pytest.approx(400)
