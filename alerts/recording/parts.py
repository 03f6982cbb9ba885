"""Recordings that take a service apart: its versions, the phases of a request, who waits why."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import engine, gpu, neutral, neutral_parts
from exporters.catalog import requests as raw
from exporters.catalog.engines import REPLICA, vllm

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Gauge, Histogram

GATEWAY = "gateway"
VLLM_PHASES = {"queue": vllm.QUEUE_TIME, "prefill": vllm.PREFILL_TIME, "decode": vllm.DECODE_TIME}


def phases(scale: Scale) -> tuple[Recording, ...]:
    """Where the time of a request goes, in each replica and in the service as a whole."""
    window = scale.window("5m")
    whole, of_replicas = neutral_parts.REQUEST_PHASE, neutral.PHASE_MEAN
    wait = _mean("service", raw.QUEUE_WAIT, window, GATEWAY)
    called = f"sum by (service) (rate({raw.UPSTREAM_DURATION.sum.where(job=GATEWAY)}[{window}]))"
    every = f"sum by (service) (rate({raw.REQUEST_DURATION.count.where(job=GATEWAY)}[{window}]))"
    of_gateway = (_phase(wait, "gateway"), _phase(f"{called}\n/\n({every} > 0)", "upstream"))
    return (
        Recording(of_replicas, "\nor\n".join(_engines("service, replica", window))),
        Recording(whole, "\nor\n".join((*_engines("service", window), *of_gateway))),
        Recording(neutral_parts.REQUEST_MEAN, _served(window)),
    )


def _served(window: str) -> str:
    of = raw.REQUEST_DURATION_BY_OUTCOME
    total, count = (each.where(job=GATEWAY, outcome=raw.SERVED) for each in (of.sum, of.count))
    return (
        f"sum by (service) (rate({total}[{window}]))\n/\n"
        f"(sum by (service) (rate({count}[{window}])) > 0)"
    )


def _engines(by: str, window: str) -> tuple[str, ...]:
    ours = _mean(f"{by}, phase", engine.PHASE_DURATION, window, REPLICA)
    theirs = (
        _phase(_mean(by, histogram, window, REPLICA), phase)
        for phase, histogram in VLLM_PHASES.items()
    )
    return (ours, *theirs)


def _mean(by: str, histogram: Histogram, window: str, job: str) -> str:
    total, count = histogram.sum.where(job=job), histogram.count.where(job=job)
    return (
        f"sum by ({by}) (rate({total}[{window}]))\n/\n(sum by ({by}) (rate({count}[{window}])) > 0)"
    )


def _phase(expr: str, phase: str) -> str:
    return f'label_replace(\n{indent(expr, "  ")},\n  "phase", "{phase}", "", ""\n)'


def versions() -> tuple[Recording, ...]:
    """What runs in each replica, as it says itself."""
    signal = neutral_parts.VERSION
    info = engine.REPLICA_INFO.value.where(job=REPLICA)
    return (Recording(signal, f"group by ({', '.join(signal.labels)}) ({info})"),)


def queues() -> tuple[Recording, ...]:
    """Who waits, and what for."""
    by_priority, by_reason = neutral_parts.QUEUE_BY_PRIORITY, neutral_parts.QUEUE_BY_REASON
    ours = raw.QUEUE_DEPTH.value.where(job=GATEWAY)
    theirs = vllm.WAITING_BY_REASON.value.where(job=REPLICA)
    return (
        Recording(by_priority, f"sum by ({', '.join(by_priority.labels)}) ({ours})"),
        Recording(by_reason, f"sum by ({', '.join(by_reason.labels)}) ({theirs})"),
    )


def devices() -> tuple[Recording, ...]:
    """The GPUs of each service together: what they draw, and whether they are used."""
    return (
        Recording(neutral_parts.SERVICE_POWER, _of_service("sum", gpu.GPU_POWER)),
        Recording(neutral_parts.SERVICE_GPUS, _of_service("sum", gpu.GPU_UP)),
        Recording(neutral_parts.SERVICE_UTILIZATION, _of_service("avg", gpu.GPU_UTILIZATION)),
    )


def _of_service(aggregate: str, signal: Gauge) -> str:
    # The GPU exporter's target says which service it belongs to; without one there is no series.
    series = signal.value.matching(service=".+")
    return f"{aggregate} by (service) (max by (service, instance, gpu) ({series}))"
