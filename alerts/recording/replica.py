"""Recordings of the service's parts; `replica` is empty where the gateway itself is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import mean, rate, share
from alerts.recording.aliases import either
from exporters.catalog import engine, foreign, host, neutral
from exporters.catalog import requests as raw
from exporters.catalog.engines import REPLICA, Alias, aliases_of

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Recorded, Selector

GATEWAY = "gateway"
OF_ENGINES = (
    neutral.RUNNING, neutral.KV_CACHE_USAGE, neutral.PREEMPTION_RATE, neutral.PROMPT_TOKEN_RATE,
    neutral.GENERATED_TOKEN_RATE, neutral.CACHED_TOKEN_RATE, neutral.REPLICA_FINISHED_RATE,
    neutral.REPLICA_REFUSED_RATE, neutral.REPLICA_DURATION_P99, neutral.REPLICA_FIRST_TOKEN_P99,
    neutral.REPLICA_INTER_TOKEN_MEAN,
)  # fmt: skip


def queues(scale: Scale) -> tuple[Recording, ...]:
    """How much waits and for how long, at the gateway and in every replica."""
    window = scale.window("5m")
    depth = Alias(series=raw.QUEUE_DEPTH.value.where(job=GATEWAY))
    wait = Alias(series=raw.QUEUE_WAIT.bucket.where(job=GATEWAY))
    return (
        _recording(neutral.QUEUE_DEPTH, window, depth),
        _recording(neutral.QUEUE_WAIT_P99, window, wait),
    )


def engines(scale: Scale) -> tuple[Recording, ...]:
    """Batch, KV cache, tokens and times of every engine, by its own names or ours."""
    window = scale.window("5m")
    return (
        *(_recording(signal, window) for signal in OF_ENGINES),
        Recording(neutral.STEP_MEAN, _step(window)),
    )


def _step(window: str) -> str:
    """A forward pass; of an engine that does not tell it, the gap between tokens, which is one."""
    told = mean(neutral.STEP_MEAN, engine.STEP_DURATION, window, job=REPLICA)
    gap = neutral.REPLICA_INTER_TOKEN_MEAN.value
    return (
        f"{told}\nor\n"
        f'label_replace({gap}, "phase", "decode", "", "")\n'
        f"unless on (service, replica)\n{told}"
    )


def rotation(scale: Scale) -> tuple[Recording, ...]:
    """Who is out of rotation."""
    ejected = raw.REPLICA_EJECTED.value.where(job=GATEWAY)
    return (Recording(neutral.EJECTED, f"max by (service, replica) ({ejected})"),)


def processes(scale: Scale) -> tuple[Recording, ...]:
    """Memory of every replica's process and its limit, and how often its quota holds it back."""
    window = scale.window("5m")
    signal = neutral.REPLICA_THROTTLED
    resident = host.PROCESS_RESIDENT.value.where(job=REPLICA)
    throttled = rate(signal, host.CPU_THROTTLED_PERIODS.total.where(job=REPLICA), window)
    periods = rate(signal, host.CPU_PERIODS.total.where(job=REPLICA), window)
    killed = host.OOM_KILLS.total.where(job=REPLICA)
    return (
        Recording(neutral.REPLICA_MEMORY, f"sum by (service, replica) ({resident})"),
        Recording(neutral.REPLICA_MEMORY_LIMIT, _memory_limit(resident)),
        Recording(signal, share(throttled, periods)),
        Recording(
            neutral.REPLICA_OOM_KILLS,
            f"sum by (service, replica) (increase({killed}[{window}]))",
        ),
    )


def _memory_limit(resident: Selector) -> str:
    of_cgroup = host.MEMORY_LIMIT.value.where(job=REPLICA)
    return (
        f"min by (service, replica) ({of_cgroup})\nor\n"
        f"0 * sum by (service, replica) ({resident})\n"
        "+ on (service) group_left ()\n"
        f"min by (service) ({foreign.NODE_MEMORY_TOTAL.value})"
    )


def _recording(signal: Recorded, window: str, *first: Alias) -> Recording:
    return Recording(signal, either(signal, (*first, *aliases_of(signal)), window))
