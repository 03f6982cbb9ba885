"""What makes a model service answer "busy", as a tree of causes."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.catalog import (
    Signal,
    cache,
    clients,
    engine,
    foreign,
    host,
    neutral,
    neutral_gpu,
    neutral_levels,
    requests,
)
from exporters.catalog.boards import (
    ENDPOINTS,
    GPU,
    INCIDENTS,
    MACHINES,
    PROBE,
    REPLICA,
    SATURATION,
    SERVICE,
    STACK,
    Board,
)

FELT = ("AvailabilityBurnFast", "LatencyBurnFast")
"""What fires whenever users feel it, whatever the cause."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A leaf: what it is called, how it shows, and where to see, page, rehearse and mend it.

    `kind` is what a verdict calls it. `trials` name faults of the demo or, as `incidents:NAME`,
    troubles of the incident generator. `remedy` stands where the kind's own would be too general.
    """

    name: str
    kind: str
    shows: str
    signals: tuple[Signal, ...]
    rules: tuple[str, ...]
    panels: tuple[tuple[Board, str], ...]
    trials: tuple[str, ...]
    remedy: str = ""
    single_point: bool = False


@dataclass(frozen=True)
class Branch:
    """A question that splits "busy" into parts, and its answers."""

    title: str
    asks: str
    causes: tuple[Cause, ...]


LOAD = Branch("Load", "Did more work arrive, or other work?", (
    Cause(name="Traffic burst", kind="traffic_burst",
          shows="first-time arrivals jump, the queue fills, refusals follow",
          signals=(neutral_levels.ARRIVAL_GROWTH, neutral.STARTED_RATE, neutral.QUEUE_DEPTH),
          rules=("ArrivalsJump", "QueueDeep", "CapacityCrossedSoon"),
          panels=((SERVICE, "Arrivals by model"), (SATURATION, "Load and capacity")),
          trials=("traffic_burst", "incidents:traffic_burst")),
    Cause(name="Long requests", kind="traffic_mix",
          shows="prompts grow while arrivals do not; prefill and KV cache grow with them",
          signals=(neutral.PROMPT_LENGTH_MEAN, neutral.LONG_PROMPT_SHARE),
          rules=("LongPromptsMany", "KVCacheFull"),
          panels=((SERVICE, "Prompt length"), (SERVICE, "Long prompts")),
          trials=("incidents:traffic_mix",)),
    Cause(name="Retry storm", kind="retry_storm",
          shows="a short failure, then resent requests keep the load up",
          signals=(neutral.RESENT_SHARE, clients.CLIENT_RETRIES),
          rules=("RetryShareHigh", "ClientRetryShareHigh"),
          panels=((SERVICE, "Resent share"), (ENDPOINTS, "Retries")),
          trials=("retry_storm", "incidents:retry_storm")),
    Cause(name="Missing backoff", kind="retry_storm",
          shows="callers resend at once and together, and give up in the end",
          signals=(clients.CLIENT_WAIT, clients.CLIENT_GIVE_UPS),
          rules=("ClientRetryShareHigh", "ClientsGiveUp", "ClientCircuitOpen"),
          panels=((ENDPOINTS, "Retry share"), (ENDPOINTS, "Give-up share")),
          trials=("retry_storm", "incidents:retry_storm"),
          remedy="Honour Retry-After; back off with jitter, cap 30 s, 5 tries."),
    Cause(name="Backlog of asynchronous work", kind="queue_saturation",
          shows="messages wait longer than their consumers take; lag and age climb",
          signals=(neutral_levels.BACKLOG_AGE, foreign.KAFKA_LAG),
          rules=("BacklogOld",),
          panels=((SATURATION, "Oldest message"),),
          trials=("incidents:queue_saturation",),
          remedy="Add consumers, shed or delay the batch class, and expire what is too old."),
    Cause(name="A region is down or far", kind="network_delay",
          shows="its traffic moves: the others' arrivals grow, and calls across regions are slow",
          signals=(neutral.ATTEMPT_MEAN, neutral.STARTED_RATE),
          rules=("CanaryDown", "CanaryFirstTokenSlow", "ReplicaEjected"),
          panels=((SERVICE, "Attempt time by replica"), (ENDPOINTS, "Answers")),
          trials=("incidents:network_delay",),
          remedy="Move or shed the region's traffic; scale the regions that carry it."),
))  # fmt: skip

REFUSED = Branch("Refusal", "Is work refused although capacity is there?", (
    Cause(name="Rate limit too small", kind="rate_limit",
          shows="429 while queue and GPUs are free",
          signals=(neutral.REJECTED_RATE, requests.REQUESTS_REJECTED),
          rules=("RateLimitShareHigh",),
          panels=((SERVICE, "Refused by reason"),),
          trials=("rate_limit", "incidents:rate_limit")),
    Cause(name="Quota used up", kind="quota",
          shows="one account's requests are refused, everyone else's are not",
          signals=(neutral.REJECTED_RATE,),
          rules=("RateLimitShareHigh", "CapacityCrossedSoon"),
          panels=((SERVICE, "Refused by reason"),),
          trials=("incidents:quota",)),
))  # fmt: skip

IDLE = Branch("Waste", "Is there capacity that is not used?", (
    Cause(name="Hot spot", kind="hot_spot",
          shows="one replica is full while its sisters idle: static or uneven scheduling",
          signals=(neutral.ATTEMPT_RATE, neutral.RUNNING),
          rules=("LoadUneven",),
          panels=((SERVICE, "Attempts by replica"), (SATURATION, "Spread of the KV cache")),
          trials=("incidents:hot_spot",)),
    Cause(name="Batch too small", kind="queue_saturation",
          shows="work waits while GPUs idle and few sequences run",
          signals=(neutral.QUEUE_DEPTH, neutral.RUNNING, neutral.GPU_UTILIZATION),
          rules=("QueueDeep", "GpuUnderused"),
          panels=((SATURATION, "Batch of each replica"), (SATURATION, "GPUs of the service")),
          trials=("incidents:queue_saturation",)),
    Cause(name="Cold start", kind="cold_start",
          shows="a new replica is slow until kernels, graphs and caches are warm",
          signals=(neutral_levels.COLD_START, neutral.STEP_MEAN, foreign.PROCESS_START),
          rules=("ColdStartSlow", "CanaryFirstTokenSlow"),
          panels=((SERVICE, "Cold start beside the usual"), (SERVICE, "Forward pass by replica")),
          trials=("cold_start", "incidents:cold_start")),
    Cause(name="Downgrade in force", kind="queue_saturation",
          shows="the fallback model answers: faster or worse, and still there when it need not be",
          signals=(neutral.FALLBACK_RATE,),
          rules=("FallbackShareHigh",),
          panels=((SERVICE, "Fallbacks"),),
          trials=("incidents:queue_saturation",),
          remedy="Mend what made the service fall back, then take the fallback off."),
))  # fmt: skip

PROCESS = Branch("Replica", "Is one process ill?", (
    Cause(name="Slow replica", kind="slow_replica",
          shows="the same work takes longer in one replica, on a healthy device",
          signals=(neutral.STEP_MEAN, neutral.ATTEMPT_MEAN),
          rules=("LatencyBurnFast", "ReplicaEjected"),
          panels=((REPLICA, "A step beside its peers"), (SERVICE, "Attempt time by replica")),
          trials=("slow_replica", "incidents:slow_replica")),
    Cause(name="KV cache exhausted", kind="kv_cache_exhaustion",
          shows="the cache is full; sequences are preempted and computed again",
          signals=(neutral.KV_CACHE_USAGE, neutral.PREEMPTION_RATE),
          rules=("KVCacheFull", "PreemptionsMany", "KVCacheFullSoon"),
          panels=((SERVICE, "KV cache by replica"), (SATURATION, "Preemptions of each replica")),
          trials=("kv_cache_exhaustion", "incidents:kv_cache_exhaustion")),
    Cause(name="GPU memory full or fragmented", kind="out_of_memory",
          shows="allocations are retried or fail although the sum would fit",
          signals=(neutral.GPU_MEMORY, neutral_levels.MEMORY_FRAGMENTATION, host.TORCH_OOMS),
          rules=("GpuMemoryFull", "DeviceMemoryFragmented"),
          panels=((GPU, "Memory"), (SERVICE, "Fragmented device memory")),
          trials=("incidents:out_of_memory",),
          remedy="Lower the batch or the share of memory the engine takes; restart in turn."),
    Cause(name="CPU starved", kind="cpu_starvation",
          shows="the quota or a neighbour holds tokenizer and scheduler back: CPU use in sawteeth",
          signals=(neutral.REPLICA_THROTTLED, neutral.NODE_CPU),
          rules=("ReplicaCpuThrottled", "NodeCpuHigh"),
          panels=((SERVICE, "Held back by CPU quota"), (MACHINES, "Processors in use")),
          trials=("cpu_starvation", "incidents:cpu_starvation")),
    Cause(name="Memory leak", kind="memory_leak",
          shows="resident memory only climbs, until the process is killed",
          signals=(neutral.REPLICA_MEMORY,),
          rules=("ReplicaMemoryClimbs", "NodeMemoryHigh"),
          panels=((SERVICE, "Memory by replica"),),
          trials=("memory_leak", "incidents:memory_leak")),
    Cause(name="Killed for memory", kind="out_of_memory",
          shows="the process is gone, comes back, and is killed again",
          signals=(neutral.REPLICA_OOM_KILLS, foreign.CONTAINER_OOM),
          rules=("ReplicaOutOfMemory", "ReplicaEjected"),
          panels=((REPLICA, "Killed for memory"), (SERVICE, "Ejected replicas")),
          trials=("incidents:out_of_memory",)),
    Cause(name="Bad deploy", kind="bad_deploy",
          shows="errors begin with a new version, where it runs",
          signals=(engine.REPLICA_INFO, neutral.ATTEMPT_RATE, neutral.ERROR_SHARE),
          rules=("ErrorRateThreeInARow", "ErrorShareHigh", "AvailabilityBurnFast"),
          panels=((INCIDENTS, "Versions running"), (SERVICE, "5xx share")),
          trials=("bad_deploy", "incidents:bad_deploy")),
))  # fmt: skip

DEVICE = Branch("GPU", "Is a device ill?", (
    Cause(name="Throttled GPU", kind="gpu_throttle",
          shows="heat or power holds the clocks down",
          signals=(neutral.GPU_THROTTLE, neutral.GPU_CLOCK, neutral.GPU_TEMPERATURE),
          rules=("GpuThrottled", "GpuThrottledByHeat", "GpuPowerBrake", "GpuHot"),
          panels=((GPU, "Held back by"), (GPU, "SM clock")),
          trials=("gpu_throttle", "incidents:gpu_throttle")),
    Cause(name="Failing GPU", kind="gpu_fault",
          shows="XID and ECC errors, a device that is gone or waits for a reset",
          signals=(neutral.GPU_UP, neutral.GPU_XID_RATE, neutral_gpu.GPU_ECC_UNCORRECTED),
          rules=("GpuDown", "GpuXid", "GpuFatalEvent", "GpuResetNeeded"),
          panels=((GPU, "XID errors"), (GPU, "Uncorrected ECC errors")),
          trials=("gpu_fault", "incidents:gpu_fault")),
    Cause(name="Slower kernels", kind="kernel_regression",
          shows="the probe's kernels take longer at full clocks: driver, library or engine",
          signals=(neutral.KERNEL_SLOWDOWN, neutral_gpu.KERNEL_SLOWER),
          rules=("KernelSlow", "KernelSlower"),
          panels=((PROBE, "Kernel slowdown"),),
          trials=("kernel_regression", "incidents:kernel_regression")),
))  # fmt: skip

AROUND = Branch("Surroundings", "Is something ill that requests depend on?", (
    Cause(name="Slow upstream", kind="upstream_slow",
          shows="calls before the model stall the chain",
          signals=(neutral.UPSTREAM_MEAN,),
          rules=("UpstreamSlow",),
          panels=((SERVICE, "Upstream time"),),
          trials=("upstream_slow", "incidents:upstream_slow")),
    Cause(name="Failing upstream", kind="upstream_errors",
          shows="calls before the model fail, and requests with them",
          signals=(neutral.UPSTREAM_ERROR_SHARE,),
          rules=("UpstreamFailing",),
          panels=((SERVICE, "Upstream errors"),),
          trials=("incidents:upstream_errors",)),
    Cause(name="Cache outage", kind="cache_outage",
          shows="look-ups fail, and the model does the cache's work",
          signals=(neutral.CACHE_ERROR_SHARE, neutral.CACHE_HIT_SHARE),
          rules=("CacheFailing", "CacheHitsLow"),
          panels=((SERVICE, "Cache errors"), (SERVICE, "Cache hits")),
          trials=("cache_outage", "incidents:cache_outage"), single_point=True),
    Cause(name="Low hit rate", kind="cache_outage",
          shows="look-ups are answered and miss: evicted, flushed or new questions",
          signals=(neutral.CACHE_HIT_SHARE, cache.CACHE_SIZE),
          rules=("CacheHitsLow",),
          panels=((SERVICE, "Cache hits"),),
          trials=("cache_outage", "incidents:cache_outage"),
          remedy="Look at size, keys and time to live; warm the cache before it takes traffic."),
    Cause(name="Network", kind="network_delay",
          shows="the way to a replica is slow, saturated or lossy while the replica is quick",
          signals=(neutral.ATTEMPT_MEAN, clients.CLIENT_ATTEMPT_DURATION),
          rules=("CanaryFirstTokenSlow", "UpstreamSlow", "ReplicaEjected"),
          panels=((SERVICE, "Attempt time by replica"),
                  (ENDPOINTS, "Where the time goes at $endpoint")),
          trials=("incidents:network_delay",)),
    Cause(name="Slow storage", kind="storage_slow",
          shows="weights, data or offloaded cache wait for the volume",
          signals=(neutral.NODE_IO, host.PRESSURE),
          rules=("StorageWaitsGrow",),
          panels=((MACHINES, "Waits for storage"), (MACHINES, "Space left")),
          trials=("incidents:storage_slow",)),
    Cause(name="Metadata store down", kind="upstream_errors",
          shows="routing, placement or leases cannot be read: nothing starts, nothing moves",
          signals=(neutral.TARGET_UP, neutral.UPSTREAM_ERROR_SHARE),
          rules=("SinglePointDown",),
          panels=((STACK, "Targets"), (SERVICE, "Upstream errors")),
          trials=("incidents:upstream_errors",), single_point=True,
          remedy="Serve from the last known state; restore the quorum."),
    Cause(name="Configuration service down", kind="upstream_errors",
          shows="limits, routes and flags stay as they were, or fall back to defaults",
          signals=(neutral.TARGET_UP, neutral.UPSTREAM_ERROR_SHARE),
          rules=("SinglePointDown",),
          panels=((STACK, "Targets"), (SERVICE, "Upstream errors")),
          trials=("incidents:upstream_errors",), single_point=True,
          remedy="Start from a copy on disk; roll the last change back."),
))  # fmt: skip

WATCHING = Branch("Watching", "Can what is seen be trusted?", (
    Cause(name="Silent source", kind="telemetry_gap",
          shows="a target, a signal or a store says nothing while users are served",
          signals=(neutral.TARGET_UP, neutral.SIGNAL_MISSING),
          rules=("TargetDown", "ExporterDown", "SignalMissing", "EngineSignalMissing"),
          panels=((STACK, "Targets"), (STACK, "Signals that nobody writes")),
          trials=("telemetry_gap", "incidents:telemetry_gap")),
    Cause(name="Monitoring down", kind="telemetry_gap",
          shows="Prometheus, Alertmanager or `busysignal watch` is away: silence looks like health",
          signals=(foreign.UP, foreign.RULE_FAILURES),
          rules=("SinglePointDown", "Watchdog", "RuleFailures", "NotificationsFailing"),
          panels=((STACK, "Rule evaluations failed"), (STACK, "Backlog of verdicts")),
          trials=("telemetry_gap", "incidents:telemetry_gap"), single_point=True,
          remedy="Send the Watchdog to a receiver outside that pages when it stops."),
    Cause(name="Nothing is wrong", kind="none",
          shows="users leave, a level is set too low, or it is over",
          signals=(neutral.OUTCOME_RATE,),
          rules=("SuccessLow", "LatencyP99High"),
          panels=((SERVICE, "Outcomes"),),
          trials=("none", "client_gone_storm", "incidents:none"),
          remedy="Nothing to do; if it fired, look at the rule's level."),
    Cause(name="Something new", kind="unknown",
          shows="users feel it and no known cause explains it: a lock, a certificate",
          signals=(neutral.ERROR_SHARE, neutral.DURATION_P99),
          rules=(*FELT, "CertificateEnds"),
          panels=((SERVICE, "SLO burn rate"), (SERVICE, "Verdicts")),
          trials=("incidents:gateway_lock", "incidents:certificate", "incidents:hang_ups")),
))  # fmt: skip

TREE = (LOAD, REFUSED, IDLE, PROCESS, DEVICE, AROUND, WATCHING)
