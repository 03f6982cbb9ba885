"""The closed list of causes a verdict may name, each with its meaning and its remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of cause: `name` in verdicts, what it means, and what to do about it."""

    name: str
    means: str
    remedy: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("traffic_burst", "far more requests arrive than before",
             "Scale out, shed the batch class first, and keep Retry-After on the 503s."),
        Kind("traffic_mix", "requests became longer, not more",
             "Truncate or route long prompts to replicas of their own."),
        Kind("slow_replica", "one replica takes longer for the same work",
             "Take the replica out of rotation, then restart or replace it."),
        Kind("gpu_throttle", "power or heat holds a GPU's clocks down",
             "Move load away and look at power cap, fans and inlet temperature."),
        Kind("gpu_fault", "a GPU reports errors",
             "Drain the GPU's replica, reset or replace the GPU."),
        Kind("kernel_regression", "the same kernels got slower on a healthy device",
             "Roll back driver, library or engine to the last good version."),
        Kind("kv_cache_exhaustion", "the KV cache is full and sequences are preempted",
             "Cap prompt length and concurrency, route long prompts apart, or add replicas."),
        Kind("queue_saturation", "work waits although arrivals did not jump",
             "Raise the batch size or add replicas; check that all replicas take their share."),
        Kind("retry_storm", "clients resend what failed and multiply the load",
             "Turn on backoff with jitter (cap 30 s, 5 tries) and open the circuit breaker."),
        Kind("rate_limit", "the limiter refuses requests while resources are free",
             "Raise or split the limit."),
        Kind("cold_start", "a new replica is still slow",
             "Warm replicas up before they take traffic."),
        Kind("cpu_starvation", "the CPU is taken away from the serving process",
             "Raise the CPU quota or move the neighbour."),
        Kind("memory_leak", "a process's memory only climbs",
             "Restart in turn, then find the leak."),
        Kind("out_of_memory", "a process was killed for memory",
             "Raise the limit or lower the batch, then find what grew."),
        Kind("bad_deploy", "errors began with a new version",
             "Roll back."),
        Kind("upstream_slow", "a service that requests depend on became slow",
             "Shorten its timeout, serve without it, and call its owners."),
        Kind("upstream_errors", "a service that requests depend on fails",
             "Serve without it and call its owners."),
        Kind("network_delay", "the way between two parts became slow",
             "Route around the link; check region, saturation and drops."),
        Kind("cache_outage", "the cache is gone and the model does its work",
             "Restore the cache; shed load until it is warm."),
        Kind("hot_spot", "one replica gets more than its share",
             "Use least-connections routing and spread the hot keys."),
        Kind("quota", "an account's quota is used up",
             "Raise or split the quota."),
        Kind("storage_slow", "model or data reads wait for storage",
             "Move to local disks and check the volume."),
        Kind("telemetry_gap", "the data that would tell is missing",
             "Bring the silent source back; trust nothing about it until then."),
        Kind("none", "nothing is wrong", "Nothing to do."),
        Kind("unknown", "something is wrong and no known cause explains it",
             "Read the evidence; this may be a new kind of cause."),
    )
}  # fmt: skip
