"""One replica: its engine, its process, and what the gateway makes of it."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards.panels import (
    Dashboard,
    Link,
    Panel,
    Query,
    Row,
    Stat,
    StateTimeline,
    TimeSeries,
    Value,
    rising,
)
from dashboards.scope import (
    PHASE_COLORS,
    SERVICE,
    choose,
    drawn,
    part_of,
    service_variable,
    stat,
    whole,
)
from exporters.catalog import Recorded, boards, neutral, neutral_levels, neutral_parts

PHASES = ("queue", "prefill", "decode")
TO_GPUS = Link("GPUs", boards.GPU, keeps=("service",))


def board(rules: RulesSection) -> Dashboard:
    """Build the board of one replica, coloured by the alerts' own levels."""
    levels = rules.thresholds
    replicas = neutral.RUNNING.value.where(service=SERVICE)
    return whole(
        boards.REPLICA,
        "One replica of a service, from its queue down to its process.",
        (service_variable(), choose("replica", "Replica", replicas, several=False)),
        Row("Now", _now(levels)),
        Row("Where its time goes", _time()),
        Row("Its engine", _engine(levels)),
        Row("What the gateway makes of it", _calls()),
        Row("Its process", _process(levels)),
    )


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        Stat(
            title="Engine",
            about="Whose names its metrics bear.",
            signals=(neutral.ENGINE,),
            queries=(Query(part_of(neutral.ENGINE.value), "{{engine}}"),),
            show="name",
            width=3,
        ),
        Stat(
            title="Version",
            about="What it says it runs.",
            signals=(neutral_parts.VERSION,),
            queries=(Query(part_of(neutral_parts.VERSION.value), "{{version}}"),),
            show="name",
            empty="not told",
            width=3,
        ),
        _number("Waiting", "Requests in its queue.", neutral.QUEUE_DEPTH,
                steps=rising(levels.queue_warning, levels.queue_critical)),
        _number("Running", "Sequences in its batch.", neutral.RUNNING),
        _number("KV cache", "Full means preemptions next.", neutral.KV_CACHE_USAGE,
                steps=rising(critical=levels.kv_cache)),
        _number("Generated", "Tokens each second.", neutral.GENERATED_TOKEN_RATE),
        _number("First token P99", "As its engine saw it.", neutral.REPLICA_FIRST_TOKEN_P99,
                empty="engine does not tell"),
        _number("In rotation", "Whether outlier ejection lets it work.", neutral.EJECTED,
                values=(Value(0, "yes", "green"), Value(1, "ejected", "red")),
                empty="never ejected"),
    )  # fmt: skip


def _number(title: str, about: str, signal: Recorded, **more: Any) -> Stat:
    return stat(title, about, signal, f"max({part_of(signal.value)})", **more)


def _lines(title: str, about: str, signal: Recorded, legend: str, **more: Any) -> TimeSeries:
    return drawn(title, about, signal, part_of(signal.value), legend, **more)


def _time() -> tuple[Panel, ...]:
    chosen = part_of(neutral.PHASE_MEAN.value)
    phases = tuple(Query(chosen.where(phase=phase), phase) for phase in PHASES)
    step = neutral.STEP_MEAN
    return (
        TimeSeries(
            title="Where time goes in $replica",
            about="Mean time of one request in each phase, stacked to the whole.",
            signals=(neutral.PHASE_MEAN,),
            queries=phases,
            style="stacked",
            colors={phase: PHASE_COLORS[phase] for phase in PHASES},
            width=12,
            empty="engine does not tell",
        ),
        TimeSeries(
            title="A step beside its peers",
            about="One forward pass here, and the median of all replicas: the same work should "
            "take the same time everywhere.",
            signals=(step,),
            queries=(
                Query(part_of(step.value), "{{phase}}"),
                Query(f"quantile by (phase) (0.5, {step.value.where(service=SERVICE)})",
                      "{{phase}} median"),
            ),
            width=12,
            links=(TO_GPUS,),
            empty="engine does not tell",
        ),
    )  # fmt: skip


def _engine(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _lines("Its queue", "Requests that wait for a place in the batch.", neutral.QUEUE_DEPTH,
               "waiting", steps=rising(levels.queue_warning, levels.queue_critical)),
        _lines("Its batch", "Sequences that run together.", neutral.RUNNING, "running"),
        _lines("Its KV cache", "Full means preemptions next.", neutral.KV_CACHE_USAGE, "in use",
               maximum=1, steps=rising(critical=levels.kv_cache), links=(TO_GPUS,)),
        _lines("Its preemptions", "Work thrown away because the KV cache was full.",
               neutral.PREEMPTION_RATE, "preempted",
               steps=rising(levels.preemptions_per_second)),
        TimeSeries(
            title="Its tokens",
            about="Prefill work taken in, decode work done, and what the KV cache spared it.",
            signals=(neutral.PROMPT_TOKEN_RATE, neutral.GENERATED_TOKEN_RATE,
                     neutral.CACHED_TOKEN_RATE),
            queries=(
                Query(part_of(neutral.PROMPT_TOKEN_RATE.value), "prompt"),
                Query(part_of(neutral.GENERATED_TOKEN_RATE.value), "generated"),
                Query(part_of(neutral.CACHED_TOKEN_RATE.value), "cached"),
            ),
        ),
        TimeSeries(
            title="Its requests",
            about="What its engine finished and what it refused as busy.",
            signals=(neutral.REPLICA_FINISHED_RATE, neutral.REPLICA_REFUSED_RATE),
            queries=(
                Query(part_of(neutral.REPLICA_FINISHED_RATE.value), "finished"),
                Query(part_of(neutral.REPLICA_REFUSED_RATE.value), "refused"),
            ),
            empty="engine does not tell",
        ),
    )  # fmt: skip


def _calls() -> tuple[Panel, ...]:
    return (
        _lines("Its attempts", "The gateway's calls, retries included, by how they ended.",
               neutral.ATTEMPT_RATE, "{{outcome}}"),
        _lines("Its attempt time", "One call to its last byte.", neutral.ATTEMPT_MEAN, "mean"),
        StateTimeline(
            title="Its rotation",
            about="When outlier ejection kept it out.",
            signals=(neutral.EJECTED,),
            queries=(Query(part_of(neutral.EJECTED.value), "{{replica}}"),),
            values=(Value(0, "in rotation", "green"), Value(1, "ejected", "red")),
            empty="never ejected",
            width=8,
        ),
    )  # fmt: skip


def _process(levels: Thresholds) -> tuple[Panel, ...]:
    used, limit = neutral.REPLICA_MEMORY, neutral.REPLICA_MEMORY_LIMIT
    return (
        TimeSeries(
            title="Its memory",
            about="A line that only climbs is a leak; at the limit the kernel kills it.",
            signals=(used, limit),
            queries=(
                Query(part_of(used.value), "resident"),
                Query(part_of(limit.value), "limit"),
            ),
            width=6,
        ),
        _lines("Its CPU quota", "Share of the quota's periods in which it had to wait.",
               neutral.REPLICA_THROTTLED, "held back", maximum=1,
               steps=rising(levels.replica_throttled_share),
               empty="no replica has a CPU quota", width=6),
        _lines("Killed for memory", "Its processes that the kernel ended, of late.",
               neutral.REPLICA_OOM_KILLS, "killed", style="bars", empty="no cgroup tells", width=6),
        _lines("Its fragmented device memory",
               "Share of what the allocator took that lies in pieces too small to give out.",
               neutral_levels.MEMORY_FRAGMENTATION, "fragmented", maximum=1,
               steps=rising(levels.memory_fragmentation), empty="it does not tell", width=6),
    )  # fmt: skip
