"""The service overview's replicas and what they depend on: where one part differs from the rest."""

from __future__ import annotations

from typing import Any

from alerts.config import Thresholds
from dashboards.panels import (
    Column,
    Link,
    Panel,
    Query,
    StateTimeline,
    Table,
    Value,
    falling,
    rising,
)
from dashboards.scope import by_part, lines, of
from exporters.catalog import Recorded, boards, neutral, neutral_levels

TO_REPLICA = Link(
    "Replica", boards.REPLICA, keeps=("service",), sets={"replica": "${__field.labels.replica}"}
)
TO_GPUS = Link("GPUs", boards.GPU, keeps=("service",))
LINKS = (TO_REPLICA, TO_GPUS)


def replicas(levels: Thresholds) -> tuple[Panel, ...]:
    """Each replica beside its peers."""
    return (_table(levels), *_engines(levels), *_calls())


def _table(levels: Thresholds) -> Table:
    return Table(
        title="Replicas",
        about="One row a replica; follow its name for what lies behind it.",
        keys={"replica": "Replica"},
        height=6,
        columns=(
            _column("Waiting", neutral.QUEUE_DEPTH,
                    steps=rising(levels.queue_warning, levels.queue_critical)),
            _column("Running", neutral.RUNNING),
            _column("KV cache", neutral.KV_CACHE_USAGE, steps=rising(critical=levels.kv_cache)),
            _column("Preemptions", neutral.PREEMPTION_RATE,
                    steps=rising(levels.preemptions_per_second)),
            _column("Generated", neutral.GENERATED_TOKEN_RATE),
            _column("Attempt time", neutral.ATTEMPT_MEAN),
            _column("Memory", neutral.REPLICA_MEMORY),
        ),
        links=(
            Link("Replica", boards.REPLICA, keeps=("service",),
                 sets={"replica": "${__value.raw}"}),
        ),
    )  # fmt: skip


def _column(title: str, signal: Recorded, **more: Any) -> Column:
    chosen = of(signal.value).matching(replica=".+")
    return Column(title=title, signal=signal, expr=f"max by (replica) ({chosen})", **more)


def _engines(levels: Thresholds) -> tuple[Panel, ...]:
    """What waits and runs in each engine, and how long a step takes."""
    return (
        by_part("Queue depth by replica", "Who waits where; the gateway's own queue is named so.",
                neutral.QUEUE_DEPTH, steps=rising(levels.queue_warning, levels.queue_critical),
                links=LINKS),
        by_part("Queue wait by replica", "How long they wait.", neutral.QUEUE_WAIT_P99,
                links=LINKS),
        by_part("KV cache by replica", "Full means preemptions next.", neutral.KV_CACHE_USAGE,
                steps=rising(critical=levels.kv_cache), maximum=1, links=LINKS),
        lines("Forward pass by replica",
              "One step of the engine: the same work should take the same time everywhere.",
              neutral.STEP_MEAN, "{{replica}} {{phase}}", links=LINKS,
              empty="engine does not tell"),
        by_part("Memory by replica", "A line that only climbs is a leak.", neutral.REPLICA_MEMORY,
                links=LINKS),
        by_part("Held back by CPU quota",
                "Share of the quota's periods in which the replica had to wait.",
                neutral.REPLICA_THROTTLED, maximum=1,
                steps=rising(levels.replica_throttled_share), empty="no replica has a CPU quota",
                links=LINKS),
        by_part("Fragmented device memory",
                "Share of what the allocator took that lies in pieces too small to give out.",
                neutral_levels.MEMORY_FRAGMENTATION, maximum=1,
                steps=rising(levels.memory_fragmentation), empty="no replica tells",
                links=LINKS),
        by_part("Cold start beside the usual",
                "First answer of a replica that has just started, over the usual median.",
                neutral_levels.COLD_START, unit="1", steps=rising(levels.cold_start_factor),
                empty="no replica has just started", links=LINKS),
        by_part("Killed for memory", "Processes that the kernel ended, of late.",
                neutral.REPLICA_OOM_KILLS, style="bars", empty="no cgroup tells", links=LINKS),
    )  # fmt: skip


def _calls() -> tuple[Panel, ...]:
    """What the gateway makes of each replica."""
    return (
        lines("Attempts by replica", "The gateway's calls, retries included, by how they ended.",
              neutral.ATTEMPT_RATE, "{{replica}} {{outcome}}", links=LINKS),
        by_part("Attempt time by replica", "One call to its last byte.", neutral.ATTEMPT_MEAN,
                links=LINKS),
        StateTimeline(
            title="Ejected replicas",
            about="Replicas that outlier ejection keeps out of rotation.",
            signals=(neutral.EJECTED,),
            queries=(Query(of(neutral.EJECTED.value), "{{replica}}"),),
            values=(Value(0, "in rotation", "green"), Value(1, "ejected", "red")),
            empty="none was ever ejected",
            width=8,
        ),
    )  # fmt: skip


def dependencies(levels: Thresholds) -> tuple[Panel, ...]:
    """What the service calls, and what it is asked."""
    return (
        lines("Upstream time", "Services that every request waits for.", neutral.UPSTREAM_MEAN,
              "{{upstream}}", steps=rising(critical=levels.upstream_seconds),
              empty="none is called"),
        lines("Upstream errors", "Calls to those services that failed.",
              neutral.UPSTREAM_ERROR_SHARE, "{{upstream}}",
              steps=rising(levels.upstream_error_share), empty="none is called"),
        lines("Prompt length", "Longer prompts cost more than more prompts.",
              neutral.PROMPT_LENGTH_MEAN, "mean", width=4),
        lines("Long prompts", "The share that costs five to eight times the usual.",
              neutral.LONG_PROMPT_SHARE, "over 2,048 tokens",
              steps=rising(levels.long_prompt_share), width=4),
        lines("Cache hits", "What no model has to compute again.", neutral.CACHE_HIT_SHARE,
              "{{tier}}", maximum=1, steps=falling(levels.cache_hit_share),
              empty="no cache is looked up", width=12),
        lines("Cache errors", "Look-ups that failed, and went to the model instead.",
              neutral.CACHE_ERROR_SHARE, "{{tier}}", maximum=1,
              steps=rising(levels.cache_error_share), empty="no cache is looked up",
              width=12),
    )  # fmt: skip
