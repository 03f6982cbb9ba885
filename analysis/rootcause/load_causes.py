"""Causes in what is asked of the service and how it lets it in, as data: for and against."""

from __future__ import annotations

from analysis.rootcause.clue import (
    ANSWERS_BREAK,
    KILLED,
    LONGER,
    MORE_FRESH,
    NO_CACHE,
    ONE_REPLICA,
    STORAGE,
    UPSTREAM,
    UPSTREAM_FAILS,
    Clue,
    Hypothesis,
)

LOAD = (
    Hypothesis(
        kind="traffic_burst", entity="clients", family="load",
        claim="send far more requests than before",
        needs=(Clue("fresh_arrivals", "surges", 1),),
        supports=(
            Clue("fresh_arrivals", "surges", 3), Clue("arrivals", "lasts", 1),
            Clue("queue_depth", "rises", 1, "gateway"), Clue("queue_wait", "rises", 1, "gateway"),
            Clue("running", "rises", 0.5, "replicas"),
        ),
        against=(Clue("resent_growth", "high", 0.4), Clue("prompt_length", "rises", 0.2)),
    ),
    Hypothesis(
        kind="traffic_mix", entity="clients", family="load",
        claim="send longer prompts than before",
        needs=(Clue("prompt_length", "lasts", 1), Clue("long_share", "share_lasts", 1)),
        supports=(
            Clue("prompt_length", "lasts", 3),
            Clue("phase_time", "rises", 1, "replicas", "prefill"),
            Clue("step_time", "rises", 1, "replicas", "prefill"),
        ),
        against=(
            Clue("fresh_arrivals", "rises", 0.6, "clients"), ONE_REPLICA, UPSTREAM,
            Clue("preempted_share", "frequent", 0.8, "replicas"),
            Clue("kv_usage", "full", 0.5, "replicas"),
        ),
    ),
    Hypothesis(
        kind="kv_cache_exhaustion", entity="service", family="load",
        claim="has no KV cache left, and sequences are preempted",
        needs=(
            Clue("preemptions", "rises", 1, "replicas"), Clue("kv_usage", "full", 1, "replicas"),
        ),
        supports=(
            Clue("preemptions", "rises", 2.5, "replicas"),
            Clue("kv_usage", "full", 1.5, "replicas"),
            Clue("prompt_length", "rises", 1, "clients"),
            Clue("phase_time", "rises", 0.5, "replicas"),
        ),
        against=(
            Clue("fresh_arrivals", "rises", 0.5, "clients"), ONE_REPLICA, UPSTREAM,
            Clue("preemptions", "steady", 0.4, "replicas"),
            Clue("preempted_share", "rare", 0.7, "replicas"), STORAGE, KILLED,
            Clue("resent_growth", "high", 0.4, "clients"),
        ),
    ),
    Hypothesis(
        kind="queue_saturation", entity="gateway", family="load",
        claim="lets work wait although arrivals did not jump",
        needs=(Clue("queue_depth", "lasts", 1), Clue("queue_wait", "lasts", 1)),
        supports=(
            Clue("queue_depth", "lasts", 2), Clue("queue_wait", "lasts", 1.5),
            Clue("latency", "explains", 1), Clue("fresh_arrivals", "steady", 0.5, "clients"),
            Clue("running", "idle", 1, "replicas", also="queue_depth"),
        ),
        against=(
            MORE_FRESH, LONGER, UPSTREAM, KILLED,
            Clue("running", "rises", 0.6, "replicas"),
            Clue("step_time", "rises", 0.8, "replicas"),
            Clue("attempt_time", "stands_out", 0.8, "replicas"),
            Clue("preempted_share", "frequent", 0.7, "replicas"), UPSTREAM_FAILS,
            Clue("gpu_throttle", "lasts", 0.7, "gpu"), Clue("gpu_xid", "rises", 0.7, "gpu"),
            NO_CACHE,
        ),
    ),
    Hypothesis(
        kind="retry_storm", entity="clients", family="load",
        claim="resend what failed and multiply the load",
        needs=(Clue("resent_share", "high", 1),),
        supports=(
            Clue("resent_growth", "high", 3), Clue("resent_share", "high", 2),
            Clue("arrivals", "rises", 2), Clue("queue_depth", "rises", 0.5, "gateway"),
        ),
        against=(
            Clue("fresh_arrivals", "surges", 0.5), ONE_REPLICA, UPSTREAM, UPSTREAM_FAILS, LONGER,
            Clue("arrivals", "steady", 0.6),
            Clue("preempted_share", "frequent", 0.25, "replicas"),
            ANSWERS_BREAK, NO_CACHE, STORAGE, KILLED,
            # A storm keeps the engines busy and runs into every limit there is.
            Clue("running", "idle", 0.6, "replicas", also="queue_depth"),
            Clue("attempts", "stands_out", 0.6, "replicas"),
            Clue("rejected", "bites", 0.75, "gateway", "rate_limit"),
            Clue("rejected", "share_rises", 0.6, "gateway", "quota"),
        ),
    ),
    Hypothesis(
        kind="rate_limit", entity="gateway", family="load",
        claim="refuses requests by its rate limit while there is room",
        needs=(Clue("rejected", "share_rises", 1, "gateway", "rate_limit"),),
        supports=(
            Clue("rejected", "bites", 3, "gateway", "rate_limit"),
            Clue("queue_depth", "steady", 1), Clue("step_time", "steady", 0.5, "replicas"),
        ),
        against=(
            MORE_FRESH, Clue("rejected", "share_rises", 0.6, "gateway", "queue_full"),
            Clue("queue_depth", "rises", 0.5), ONE_REPLICA, LONGER,
        ),
    ),
    Hypothesis(
        kind="cache_outage", entity="cache", family="load",
        claim="answers no more, and the model does its work",
        needs=(Clue("cache_hits", "falls", 1), Clue("cache_errors", "dominates", 1)),
        supports=(
            Clue("cache_errors", "dominates", 2.5), Clue("cache_hits", "falls", 2),
            Clue("attempts", "rises", 1.5, "replicas"),
        ),
        against=(MORE_FRESH, Clue("attempts", "steady", 0.4, "replicas")),
    ),
    Hypothesis(
        kind="quota", entity="gateway", family="load",
        claim="refuses an account whose quota is used up",
        needs=(Clue("rejected", "share_rises", 1, "gateway", "quota"),),
        supports=(
            Clue("rejected", "share_rises", 4, "gateway", "quota"),
            Clue("queue_depth", "steady", 0.5),
        ),
        against=(Clue("queue_depth", "rises", 0.3),),
    ),
)  # fmt: skip
