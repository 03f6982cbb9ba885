"""Recordings of the service's parts; `replica` is empty where the gateway itself is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import mean, rate, share
from exporters.catalog import engine, host, neutral
from exporters.catalog import requests as raw
from exporters.catalog.engines import REPLICA, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.durations import Scale
    from exporters.catalog.signal import Recorded, Selector

GATEWAY = "gateway"


def queues(scale: Scale) -> tuple[Recording, ...]:
    """How much waits and for how long, at the gateway and in every replica."""
    window = scale.window("5m")
    depths = (raw.QUEUE_DEPTH.value.where(job=GATEWAY), *names_of(neutral.QUEUE_DEPTH))
    waits = (raw.QUEUE_WAIT.bucket.where(job=GATEWAY), *names_of(neutral.QUEUE_WAIT_P99))
    return (
        Recording(neutral.QUEUE_DEPTH, _either(f"sum by (service, replica) ({d})" for d in depths)),
        Recording(neutral.QUEUE_WAIT_P99, _either(_wait(bucket, window) for bucket in waits)),
    )


def _wait(bucket: Selector, window: str) -> str:
    count = f"sum by (service, replica) (rate({bucket.where(le='+Inf')}[{window}]))"
    return (
        "(\n"
        f"  histogram_quantile(0.99, sum by (service, replica, le) (rate({bucket}[{window}])))\n"
        f"  and\n  ({count} > 0)\n)"
    )


def engines(scale: Scale) -> tuple[Recording, ...]:
    """Batch, KV cache and tokens of every engine, by its own names or ours."""
    window = scale.window("5m")
    return (
        _now("sum", neutral.RUNNING),
        _now("max", neutral.KV_CACHE_USAGE),
        *(
            Recording(signal, _either(rate(signal, name, window) for name in names_of(signal)))
            for signal in (
                neutral.PREEMPTION_RATE,
                neutral.PROMPT_TOKEN_RATE,
                neutral.GENERATED_TOKEN_RATE,
            )
        ),
        Recording(
            neutral.PHASE_MEAN, mean(neutral.PHASE_MEAN, engine.PHASE_DURATION, window, job=REPLICA)
        ),
        Recording(
            neutral.STEP_MEAN, mean(neutral.STEP_MEAN, engine.STEP_DURATION, window, job=REPLICA)
        ),
    )


def rotation(scale: Scale) -> tuple[Recording, ...]:
    """Who is out of rotation."""
    ejected = raw.REPLICA_EJECTED.value.where(job=GATEWAY)
    return (Recording(neutral.EJECTED, f"max by (service, replica) ({ejected})"),)


def processes(scale: Scale) -> tuple[Recording, ...]:
    """Memory of every replica's process, and how often its CPU quota holds it back."""
    window = scale.window("5m")
    signal = neutral.REPLICA_THROTTLED
    resident = host.PROCESS_RESIDENT.value.where(job=REPLICA)
    throttled = rate(signal, host.CPU_THROTTLED_PERIODS.total.where(job=REPLICA), window)
    periods = rate(signal, host.CPU_PERIODS.total.where(job=REPLICA), window)
    return (
        Recording(neutral.REPLICA_MEMORY, f"sum by (service, replica) ({resident})"),
        Recording(signal, share(throttled, periods)),
    )


def _now(aggregate: str, signal: Recorded) -> Recording:
    names = names_of(signal)
    return Recording(signal, _either(f"{aggregate} by (service, replica) ({n})" for n in names))


def _either(queries: Iterable[str]) -> str:
    return "\nor\n".join(queries)
