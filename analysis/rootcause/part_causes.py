"""Causes in one part of the service, as data: what speaks for each and what against."""

from __future__ import annotations

from analysis.rootcause.clue import (
    FAULTY,
    KILLED,
    LONGER,
    LOST,
    MORE_FRESH,
    REGROWN,
    RESTARTED,
    SLOW_KERNELS,
    STARVED,
    STORAGE,
    THROTTLED,
    Clue,
    Hypothesis,
)

PART = (
    Hypothesis(
        kind="slow_replica", entity="replica", family="part",
        claim="takes longer for the same work",
        needs=(Clue("step_time", "lasts", 1), Clue("attempt_time", "lasts", 1)),
        supports=(
            Clue("step_time", "stands_out", 3), Clue("phase_time", "stands_out", 1.5),
            Clue("step_time", "lasts", 1),
            Clue("attempt_time", "stands_out", 1.5), Clue("latency", "explains", 1),
        ),
        against=(
            THROTTLED, FAULTY, Clue("preempted_share", "frequent", 0.5),
            SLOW_KERNELS, STARVED, RESTARTED, STORAGE, KILLED,
            Clue("attempt_time", "steady", 0.6), Clue("step_time", "steady", 0.6),
            Clue("fresh_arrivals", "surges", 0.35, "clients"),
            Clue("prompt_length", "rises", 0.35, "clients"),
        ),
    ),
    Hypothesis(
        kind="cold_start", entity="replica", family="part",
        claim="began anew and is still slow",
        needs=(Clue("step_time", "lasts", 1), Clue("attempt_time", "lasts", 1)),
        supports=(
            Clue("restart", "changed", 2.5, since="step_time"), Clue("step_time", "lasts", 2),
            Clue("step_time", "stands_out", 1.5), Clue("attempt_time", "lasts", 1),
        ),
        against=(
            Clue("restart", "unchanged", 0.9, since="step_time"),
            Clue("step_time", "steady", 0.8), THROTTLED, FAULTY, SLOW_KERNELS, STARVED,
            Clue("attempt_errors", "share_rises", 0.6), MORE_FRESH, LONGER,
            # What slows all replicas down is not that one of them began anew.
            Clue("step_time", "lasts", 0.5, "sisters"),
        ),
    ),
    Hypothesis(
        kind="cpu_starvation", entity="replica", family="part",
        claim="is held back by its CPU quota",
        needs=(Clue("cpu_throttled", "dominates", 1),),
        supports=(
            Clue("cpu_throttled", "dominates", 3), Clue("attempt_time", "lasts", 1),
            Clue("phase_time", "lasts", 1),
        ),
        against=(THROTTLED, FAULTY, SLOW_KERNELS, Clue("attempt_time", "steady", 0.6)),
    ),
    Hypothesis(
        kind="memory_leak", entity="replica", family="part",
        claim="holds more memory with every minute",
        needs=(Clue("replica_memory", "climbs", 1),),
        supports=(Clue("replica_memory", "climbs", 3), Clue("replica_memory", "rises", 1)),
        against=(REGROWN, MORE_FRESH, LONGER),
    ),
    Hypothesis(
        kind="bad_deploy", entity="replica", family="part",
        claim="fails since its new version",
        needs=(Clue("attempt_errors", "share_lasts", 1),),
        supports=(
            Clue("attempt_errors", "share_lasts", 2.5),
            Clue("deploy", "changed", 2.5, since="attempt_errors"),
            Clue("failed_share", "share_rises", 0.5, "service"),
        ),
        against=(
            Clue("deploy", "unchanged", 0.8, since="attempt_errors"),
            THROTTLED, FAULTY, LOST, KILLED,
        ),
    ),
    Hypothesis(
        kind="upstream_slow", entity="upstream", family="part",
        claim="answers far slower than before",
        needs=(Clue("upstream_time", "lasts", 1),),
        supports=(
            Clue("upstream_time", "lasts", 2.5), Clue("upstream_time", "explains", 2),
            Clue("step_time", "steady", 1, "replicas"),
        ),
        against=(
            Clue("upstream_errors", "share_rises", 0.4),
            Clue("fresh_arrivals", "rises", 0.75, "clients"),
            Clue("step_time", "stands_out", 0.2, "replicas"),
        ),
    ),
    Hypothesis(
        kind="upstream_errors", entity="upstream", family="part",
        claim="fails calls that used to work",
        needs=(Clue("upstream_errors", "share_lasts", 1),),
        supports=(
            Clue("upstream_errors", "share_lasts", 4),
            Clue("failed_share", "share_rises", 1, "service"),
        ),
        against=(Clue("upstream_time", "lasts", 0.4), MORE_FRESH),
    ),
    Hypothesis(
        kind="gpu_throttle", entity="gpu", family="part",
        claim="runs with its clocks held down",
        needs=(Clue("gpu_throttle", "lasts", 1),),
        supports=(
            Clue("gpu_throttle", "lasts", 2.5), Clue("gpu_clock", "falls", 1.5),
            Clue("step_time", "rises", 1.5, "hosted"), Clue("kernel_slowdown", "lasts", 1),
        ),
        against=(Clue("gpu_xid", "rises", 0.6),),
    ),
    Hypothesis(
        kind="gpu_fault", entity="gpu", family="part",
        claim="reports errors",
        needs=(Clue("gpu_xid", "rises", 1),),
        supports=(
            # It pages within seconds, before the replica's calls have had time to fail.
            Clue("gpu_xid", "rises", 4), Clue("attempt_errors", "share_rises", 0.5, "hosted"),
            Clue("attempt_time", "rises", 0.5, "hosted"),
        ),
        against=(),
    ),
    Hypothesis(
        kind="gpu_fault", entity="gpu", family="part",
        claim="is gone",
        needs=(Clue("gpu_up", "falls", 1),),
        supports=(Clue("gpu_up", "falls", 3), Clue("attempt_errors", "share_rises", 1, "hosted")),
        against=(Clue("gpu_xid", "rises", 0.9),),
    ),
    Hypothesis(
        kind="kernel_regression", entity="gpu", family="part",
        claim="takes longer for the same kernels with clocks as before",
        needs=(Clue("kernel_slowdown", "lasts", 1),),
        supports=(Clue("kernel_slowdown", "lasts", 3), Clue("step_time", "rises", 3, "hosted")),
        against=(
            Clue("gpu_throttle", "lasts", 0.9), Clue("gpu_xid", "rises", 0.8),
            Clue("gpu_clock", "falls", 0.7), Clue("fresh_arrivals", "surges", 0.3, "clients"),
        ),
    ),
    Hypothesis(
        kind="out_of_memory", entity="replica", family="part",
        claim="was killed for memory",
        needs=(Clue("oom_kills", "rises", 1),),
        supports=(
            Clue("oom_kills", "rises", 4), Clue("attempt_errors", "share_rises", 1),
            Clue("restart", "changed", 1),
        ),
        against=(),
    ),
    Hypothesis(
        kind="hot_spot", entity="replica", family="part",
        claim="gets more than its share of the requests",
        needs=(Clue("attempts", "stands_out", 1),),
        supports=(
            Clue("attempts", "stands_out", 3), Clue("running", "stands_out", 1.5),
            Clue("attempts", "falls", 1.5, "replicas"), Clue("attempt_time", "rises", 1),
        ),
        against=(
            THROTTLED, FAULTY, SLOW_KERNELS, STARVED, KILLED, RESTARTED, MORE_FRESH,
            Clue("ejected", "rises", 0.7, "sisters"),
            Clue("attempt_errors", "share_rises", 0.7, "sisters"),
        ),
    ),
    Hypothesis(
        kind="network_delay", entity="replica", family="part",
        claim="is far away: calls take longer, its engine does not",
        needs=(Clue("way_time", "lasts", 1),),
        supports=(
            Clue("attempt_time", "lasts", 2), Clue("way_time", "lasts", 3),
            Clue("latency", "explains", 4, "gateway", "network"),
            Clue("step_time", "steady", 0.75), Clue("attempt_time", "stands_out", 0.5),
            Clue("first_token_p99", "rises", 1, "service"),
        ),
        against=(
            Clue("way_time", "steady", 0.9), Clue("step_time", "lasts", 0.6), THROTTLED, FAULTY,
            SLOW_KERNELS, STARVED, KILLED, MORE_FRESH, LONGER,
            Clue("preempted_share", "frequent", 0.4),
        ),
    ),
    Hypothesis(
        kind="storage_slow", entity="node", family="part",
        claim="waits for storage",
        needs=(Clue("node_io", "dominates", 1),),
        supports=(
            Clue("node_io", "dominates", 3), Clue("step_time", "lasts", 1.5, "replicas"),
            Clue("attempt_time", "lasts", 1, "replicas"),
        ),
        against=(THROTTLED, FAULTY, SLOW_KERNELS),
    ),
)  # fmt: skip
