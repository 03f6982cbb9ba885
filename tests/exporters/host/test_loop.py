from __future__ import annotations

import asyncio
import time

import pytest

from exporters.exposition import Registry
from exporters.host import watch_event_loop


def lags(registry):
    lines = [line.split(" ") for line in registry.collect_text().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines}


def test_a_loop_that_is_held_up_is_late():
    registry = Registry()

    async def serve():
        watch_event_loop(registry, every=0.01)
        await asyncio.sleep(0.03)
        time.sleep(0.2)  # noqa: ASYNC251 - the fault under test
        await asyncio.sleep(0.03)

    asyncio.run(serve())

    seen = lags(registry)
    late = seen["event_loop_lag_seconds_count"] - seen['event_loop_lag_seconds_bucket{le="0.1"}']
    assert late >= 1
    assert seen["event_loop_lag_seconds_sum"] >= 0.15
    assert seen["event_loop_lag_seconds_count"] > 2


def test_watching_can_be_called_off():
    registry = Registry()

    async def serve():
        watch_event_loop(registry, every=0.01).cancel()
        await asyncio.sleep(0.05)

    asyncio.run(serve())

    assert lags(registry)["event_loop_lag_seconds_count"] == 0


def test_there_is_nothing_to_watch_outside_of_a_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        watch_event_loop(Registry())
