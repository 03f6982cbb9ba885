"""The service overview's replicas and what they depend on: where one part differs from the rest."""

from __future__ import annotations

from alerts.config import Thresholds
from dashboards.panels import PLAIN, Link, Panel, Query, StateTimeline, TimeSeries, Value, rising
from dashboards.scope import by_part, lines, of
from exporters.catalog import boards, neutral

PHASE_COLORS = {"queue": "orange", "prefill": "blue", "decode": "green"}
TO_GPUS = Link("GPUs", f"/d/{boards.GPU.uid}?${{datasource:queryparam}}&${{__url_time_range}}")


def replicas(levels: Thresholds) -> tuple[Panel, ...]:
    """Each replica beside its peers."""
    return (_phases(), *_engines(levels), *_calls(), *_processes(), *_tokens())


def _engines(levels: Thresholds) -> tuple[Panel, ...]:
    """What waits and runs in each engine, and how long a step takes."""
    return (
        by_part(
            "Queue depth by replica",
            "Who waits where; the gateway's own queue is named so.",
            neutral.QUEUE_DEPTH,
            steps=rising(levels.queue_warning, levels.queue_critical),
        ),
        by_part("Queue wait by replica", "How long they wait.", neutral.QUEUE_WAIT_P99),
        by_part("Running by replica", "The batch each engine works on.", neutral.RUNNING),
        by_part(
            "KV cache by replica",
            "Full means preemptions next.",
            neutral.KV_CACHE_USAGE,
            steps=rising(critical=levels.kv_cache),
            maximum=1,
            links=(TO_GPUS,),
        ),
        by_part(
            "Preemptions by replica",
            "Work thrown away because the KV cache was full.",
            neutral.PREEMPTION_RATE,
        ),
        lines(
            "Forward pass by replica",
            "One step of the engine: the same work should take the same time everywhere.",
            neutral.STEP_MEAN,
            "{{replica}} {{phase}}",
            links=(TO_GPUS,),
        ),
    )


def _calls() -> tuple[Panel, ...]:
    """What the gateway makes of each replica."""
    return (
        lines(
            "Attempts by replica",
            "The gateway's calls, retries included, by how they ended.",
            neutral.ATTEMPT_RATE,
            "{{replica}} {{outcome}}",
        ),
        by_part("Attempt time by replica", "One call to its last byte.", neutral.ATTEMPT_MEAN),
        StateTimeline(
            title="Ejected replicas",
            about="Replicas that outlier ejection keeps out of rotation.",
            signals=(neutral.EJECTED,),
            queries=(Query(of(neutral.EJECTED.value), "{{replica}}"),),
            values=(Value(0, "in rotation", "green"), Value(1, "ejected", "red")),
            empty="none was ever ejected",
            width=8,
        ),
    )


def _processes() -> tuple[Panel, ...]:
    """What each replica's process takes, and is not given."""
    return (
        by_part(
            "Memory by replica",
            "A line that only climbs is a leak.",
            neutral.REPLICA_MEMORY,
            width=12,
        ),
        by_part(
            "Held back by CPU quota",
            "Share of the quota's periods in which the replica had to wait.",
            neutral.REPLICA_THROTTLED,
            maximum=1,
            empty="no replica has a CPU quota",
            width=12,
        ),
    )


def _tokens() -> tuple[Panel, ...]:
    """The work that goes into each replica and comes out."""
    return (
        lines(
            "Prompt tokens by replica",
            "Prefill work taken in.",
            neutral.PROMPT_TOKEN_RATE,
            "{{replica}}",
            width=12,
        ),
        lines(
            "Generated tokens by replica",
            "Decode work done.",
            neutral.GENERATED_TOKEN_RATE,
            "{{replica}}",
            width=12,
        ),
    )


def _phases() -> TimeSeries:
    chosen = of(neutral.PHASE_MEAN.value).matching(replica="$replica")
    ordered = tuple(Query(chosen.where(phase=phase), phase) for phase in PHASE_COLORS)
    return TimeSeries(
        title="Where time goes in $replica",
        about="Mean time of one request in each phase, stacked to the whole; one box a replica.",
        signals=(neutral.PHASE_MEAN,),
        queries=ordered,
        style="stacked",
        colors=PHASE_COLORS,
        repeat="replica",
        width=24,
    )


def dependencies(levels: Thresholds) -> tuple[Panel, ...]:
    """What the service calls, and what it is asked."""
    return (
        lines(
            "Upstream time",
            "Services that every request waits for.",
            neutral.UPSTREAM_MEAN,
            "{{upstream}}",
            steps=rising(critical=levels.upstream_seconds),
        ),
        lines(
            "Upstream errors",
            "Calls to those services that failed.",
            neutral.UPSTREAM_ERROR_SHARE,
            "{{upstream}}",
        ),
        lines(
            "Prompt length",
            "Longer prompts cost more than more prompts.",
            neutral.PROMPT_LENGTH_MEAN,
            "mean",
            width=4,
        ),
        lines(
            "Long prompts",
            "The share that costs five to eight times the usual.",
            neutral.LONG_PROMPT_SHARE,
            "over 2,048 tokens",
            steps=PLAIN,
            width=4,
        ),
        lines(
            "Cache hits",
            "What no model has to compute again.",
            neutral.CACHE_HIT_SHARE,
            "{{tier}}",
            maximum=1,
            empty="no cache is looked up",
            width=12,
        ),
        lines(
            "Cache errors",
            "Look-ups that failed, and went to the model instead.",
            neutral.CACHE_ERROR_SHARE,
            "{{tier}}",
            maximum=1,
            empty="no cache is looked up",
            width=12,
        ),
    )
