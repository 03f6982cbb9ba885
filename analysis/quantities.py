"""What a verdict measures: every quantity with its query, its entity and its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporters.catalog import Recorded, Selector, neutral

QueryFor = Callable[[str | None], str]


@dataclass(frozen=True)
class Quantity:
    """One series per entity and `part`, read with one query.

    `owner` names the entity where labels do not: a replica, upstream or gpu label wins. An
    `event` quantity that has no series while its entity reports others has had no events. A
    `fact` is told by whom it happened to, and once is enough: it is no estimate.
    """

    key: str
    owner: str
    words: str
    unit: str
    query: QueryFor
    part: str | None = None
    event: bool = False
    fact: bool = False


def _of(signal: Recorded) -> Callable[[str | None], Selector]:
    def select(service: str | None) -> Selector:
        return signal.value.where(service=service) if service else signal.value

    return select


def _grouped(operation: str, signal: Recorded, *by: str) -> QueryFor:
    """`operation by (labels)` over one recorded signal of the service."""
    select = _of(signal) if "service" in signal.labels else lambda _service: signal.value
    return lambda service: f"{operation} by ({', '.join(by)}) ({select(service)})"


_ARRIVALS = _grouped("sum", neutral.STARTED_RATE, "service")
_RESENT = _of(neutral.RESENT_SHARE)


def _resent_rate(service: str | None) -> str:
    return f"{_ARRIVALS(service)} * on (service) {_RESENT(service)}"


def _fresh_rate(service: str | None) -> str:
    return f"{_ARRIVALS(service)} - on (service) ({_resent_rate(service)})"


def _finished_share(outcome: str) -> QueryFor:
    finished = _of(neutral.OUTCOME_RATE)

    def query(service: str | None) -> str:
        narrowed = finished(service).matching(outcome=outcome)
        return (
            f"sum by (service) ({narrowed}) / on (service) sum by (service) ({finished(service)})"
        )

    return query


def _rejected_share(service: str | None) -> str:
    rejected = _of(neutral.REJECTED_RATE)(service)
    finished = _of(neutral.OUTCOME_RATE)(service)
    return (
        f"sum by (service, reason) ({rejected}) / on (service) group_left () "
        f"sum by (service) ({finished})"
    )


def _preempted_share(service: str | None) -> str:
    preempted = _of(neutral.PREEMPTION_RATE)(service)
    finished = _of(neutral.REPLICA_FINISHED_RATE)(service)
    return (
        f"sum by (service, replica) ({preempted}) / on (service, replica) "
        f"sum by (service, replica) ({finished})"
    )


def _way_time(service: str | None) -> str:
    """What a call takes beyond what the replica says it worked."""
    call, phases = _of(neutral.ATTEMPT_MEAN)(service), _of(neutral.PHASE_MEAN)(service)
    return (
        f"max by (service, replica) ({call}) - on (service, replica) "
        f"sum by (service, replica) ({phases})"
    )


def _attempt_error_share(service: str | None) -> str:
    attempts = _of(neutral.ATTEMPT_RATE)(service)
    failed = attempts.matching(outcome="error|timeout|failed_midstream")
    return (
        f"sum by (service, replica) ({failed}) / on (service, replica) "
        f"sum by (service, replica) ({attempts})"
    )


def _plain(
    key: str,
    owner: str,
    words: str,
    signal: Recorded,
    *,
    operation: str = "max",
    by: tuple[str, ...] | None = None,
    part: str | None = None,
    event: bool = False,
    fact: bool = False,
) -> Quantity:
    labels = by or tuple(name for name in signal.labels if name not in ("model", "instance"))
    query = _grouped(operation, signal, *labels)
    return Quantity(key, owner, words, signal.unit, query, part, event, fact)


QUANTITIES = (
    # Who asks, and for how much.
    _plain("arrivals", "clients", "arrivals", neutral.STARTED_RATE, operation="sum",
           by=("service",)),
    Quantity("fresh_arrivals", "clients", "first-time arrivals", "requests/second", _fresh_rate),
    Quantity("resent_arrivals", "clients", "resent requests", "requests/second", _resent_rate,
             event=True),
    _plain("resent_share", "clients", "share of arrivals that are resent", neutral.RESENT_SHARE,
           event=True),
    _plain("prompt_length", "clients", "mean prompt length", neutral.PROMPT_LENGTH_MEAN),
    _plain("long_share", "clients", "share of prompts over 2,048 tokens",
           neutral.LONG_PROMPT_SHARE, event=True),
    # What users meet.
    _plain("error_share", "service", "share of requests answered 5xx", neutral.ERROR_SHARE,
           event=True),
    _plain("duration_p99", "service", "P99 latency", neutral.DURATION_P99, by=("service",)),
    _plain("duration_p50", "service", "median latency", neutral.DURATION_P50, by=("service",)),
    _plain("first_token_p99", "service", "P99 time to first token", neutral.FIRST_TOKEN_P99,
           by=("service",)),
    Quantity("rejected_share", "service", "share of requests rejected", "ratio",
             _finished_share("rejected"), event=True),
    Quantity("failed_share", "service", "share of requests that failed", "ratio",
             _finished_share("error|failed_midstream|timeout"), event=True),
    Quantity("ok_share", "service", "share of requests answered well", "ratio",
             _finished_share("ok")),
    _plain("outcomes", "service", "finished requests", neutral.OUTCOME_RATE, operation="sum",
           by=("service", "outcome"), part="outcome", event=True),
    # The gateway.
    Quantity("rejected", "gateway", "share of requests refused", "ratio", _rejected_share,
             part="reason", event=True),
    _plain("queue_depth", "gateway", "queue depth", neutral.QUEUE_DEPTH),
    _plain("queue_wait", "gateway", "P99 wait in the queue", neutral.QUEUE_WAIT_P99),
    _plain("fallbacks", "gateway", "answers by the fallback model", neutral.FALLBACK_RATE,
           event=True),
    # What the gateway calls.
    _plain("upstream_time", "upstream", "mean time of a call", neutral.UPSTREAM_MEAN),
    _plain("upstream_errors", "upstream", "share of failed calls", neutral.UPSTREAM_ERROR_SHARE,
           event=True),
    _plain("cache_hits", "cache", "share of look-ups answered", neutral.CACHE_HIT_SHARE,
           event=True),
    _plain("cache_errors", "cache", "share of failed look-ups", neutral.CACHE_ERROR_SHARE,
           event=True),
    _plain("attempt_time", "replica", "mean time of a call to the replica", neutral.ATTEMPT_MEAN),
    Quantity("attempt_errors", "replica", "share of failed calls to the replica", "ratio",
             _attempt_error_share, event=True),
    _plain("attempts", "replica", "calls to the replica", neutral.ATTEMPT_RATE, operation="sum",
           by=("service", "replica")),
    _plain("ejected", "replica", "out of rotation", neutral.EJECTED, event=True),
    # Inside a replica.
    _plain("step_time", "replica", "mean time of a forward pass", neutral.STEP_MEAN, part="phase"),
    _plain("phase_time", "replica", "mean time in a phase", neutral.PHASE_MEAN, part="phase"),
    Quantity("way_time", "replica", "mean time on the way to the replica and back", "seconds",
             _way_time),
    _plain("running", "replica", "sequences in the batch", neutral.RUNNING),
    _plain("kv_usage", "replica", "KV cache in use", neutral.KV_CACHE_USAGE),
    _plain("preemptions", "replica", "preemptions", neutral.PREEMPTION_RATE, event=True),
    Quantity("preempted_share", "replica", "preemptions for each finished request", "ratio",
             _preempted_share, event=True),
    _plain("oom_kills", "replica", "processes killed for memory", neutral.REPLICA_OOM_KILLS,
           event=True, fact=True),
    _plain("replica_memory", "replica", "resident memory", neutral.REPLICA_MEMORY),
    _plain("cpu_throttled", "replica", "share of CPU periods held back by the quota",
           neutral.REPLICA_THROTTLED, event=True),
    # The device and the host.
    _plain("gpu_up", "gpu", "device answers", neutral.GPU_UP, by=("instance", "gpu"),
           fact=True),
    _plain("gpu_busy", "gpu", "GPU utilisation", neutral.GPU_UTILIZATION, by=("instance", "gpu")),
    _plain("gpu_clock", "gpu", "SM clock as a share of its highest", neutral.GPU_CLOCK,
           by=("instance", "gpu")),
    _plain("gpu_temperature", "gpu", "GPU temperature", neutral.GPU_TEMPERATURE,
           by=("instance", "gpu")),
    _plain("gpu_throttle", "gpu", "clocks held down", neutral.GPU_THROTTLE,
           by=("instance", "gpu", "reason"), part="reason", event=True),
    _plain("gpu_xid", "gpu", "XID errors", neutral.GPU_XID_RATE, operation="sum",
           by=("instance", "gpu", "xid"), part="xid", event=True, fact=True),
    _plain("kernel_slowdown", "node", "kernel time over its baseline", neutral.KERNEL_SLOWDOWN,
           by=("instance", "device", "kernel"), part="kernel"),
    _plain("node_cpu", "node", "CPU in use", neutral.NODE_CPU, by=("instance",)),
    _plain("node_io", "node", "share of time in which something waited for storage",
           neutral.NODE_IO, by=("instance",), event=True),
    _plain("node_memory", "node", "memory in use", neutral.NODE_MEMORY, by=("instance",)),
)  # fmt: skip

BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
