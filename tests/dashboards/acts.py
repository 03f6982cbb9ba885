"""Exporters of a service that is well, of one that is not, and of the stack beside them.

Each writes a little more into a registry at every scrape.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from exporters.catalog import (
    cache,
    canary,
    clients,
    engine,
    forecast,
    foreign,
    goodput,
    gpu,
    gpu_health,
    gpu_links,
    gpu_mig,
    gpu_processes,
    gpu_profiling,
    host,
    levels,
    probe,
    requests,
)
from exporters.catalog import stack as own
from exporters.catalog.engines import vllm
from exporters.catalog.gpu import THROTTLE_REASONS
from exporters.exposition import Registry
from tests.replayed import served

Fill = Callable[[Registry, random.Random], None]


def exporter(fill: Fill) -> AbstractContextManager[str]:
    """Serve a registry that is filled a little further at each scrape; yield its address."""
    registry, chance = Registry(), random.Random(1)

    def page() -> bytes:
        fill(registry, chance)
        return registry.collect_text().encode()

    return served(page)


def gateway(registry: Registry, chance: random.Random) -> None:
    registry.counter(requests.REQUESTS_STARTED).inc(5, "m")
    registry.counter(requests.REQUESTS).inc(5, "m", "ok", "200")
    registry.counter(requests.REQUESTS_RESENT).inc(0, "m")
    registry.counter(goodput.REQUESTS_GOOD).inc(4, "m")
    for bound, seconds in goodput.GOOD._asdict().items():
        registry.gauge(goodput.BOUND).set(seconds, bound)
    registry.counter(requests.FALLBACKS).inc(0, "m")
    registry.gauge(requests.QUEUE_DEPTH).set(1, "m", "normal")
    registry.gauge(foreign.PROCESS_START).set(1.7e9)
    for _ in range(5):
        took = chance.uniform(0.05, 0.3)
        registry.histogram(requests.REQUEST_DURATION).observe(took, "m", "normal")
        for priority in ("vip", "normal"):
            registry.histogram(requests.REQUEST_DURATION_BY_OUTCOME).observe(
                took, "m", priority, "ok"
            )
        registry.histogram(requests.TIME_TO_FIRST_TOKEN).observe(took / 3, "m", "normal")
        registry.histogram(requests.QUEUE_WAIT).observe(took / 9, "m", "normal")
        registry.histogram(requests.INTER_TOKEN_LATENCY).observe(took / 20, "m")
        registry.histogram(requests.PROMPT_LENGTH).observe(chance.choice((100, 3000)), "m")
        registry.histogram(requests.UPSTREAM_DURATION).observe(0.02, "features", "ok")
    for replica in ("a", "b"):
        registry.counter(requests.ATTEMPTS).inc(2, replica, "ok")
        registry.histogram(requests.ATTEMPT_DURATION).observe(0.1, replica)


def replica(registry: Registry, chance: random.Random) -> None:
    registry.gauge(requests.QUEUE_DEPTH).set(chance.randint(0, 3), "m", "normal")
    registry.histogram(requests.QUEUE_WAIT).observe(0.01, "m", "normal")
    registry.counter(requests.PROMPT_TOKENS).inc(900, "m")
    registry.counter(requests.GENERATED_TOKENS).inc(80, "m")
    registry.gauge(engine.RUNNING).set(2, "m")
    registry.gauge(engine.KV_CACHE_USAGE).set(chance.uniform(0.2, 0.4), "m")
    registry.counter(engine.PREEMPTIONS).inc(0, "m")
    registry.gauge(host.PROCESS_RESIDENT).set(4e8)
    registry.gauge(host.MEMORY_LIMIT).set(8e9)
    registry.counter(host.OOM_KILLS).inc(0)
    registry.gauge(engine.REPLICA_INFO).set(1, "1.0.0", "GPU-1")
    registry.counter(requests.CACHED_TOKENS).inc(300, "m")
    registry.counter(requests.REQUESTS).inc(3, "m", "ok", "200")
    for _ in range(3):
        took = chance.uniform(0.05, 0.3)
        registry.histogram(requests.REQUEST_DURATION).observe(took, "m", "normal")
        registry.histogram(requests.REQUEST_DURATION_BY_OUTCOME).observe(took, "m", "normal", "ok")
        registry.histogram(requests.TIME_TO_FIRST_TOKEN).observe(took / 3, "m", "normal")
        registry.histogram(requests.INTER_TOKEN_LATENCY).observe(took / 20, "m")
    for phase, seconds in (("queue", 0.01), ("prefill", 0.03), ("decode", 0.09)):
        registry.histogram(engine.PHASE_DURATION).observe(seconds, "m", phase)
        registry.histogram(engine.STEP_DURATION).observe(seconds / 10, "m", phase)


def device(registry: Registry, chance: random.Random) -> None:
    registry.gauge(gpu.GPU_UP).set(1, "0")
    registry.gauge(gpu.GPU_EXPECTED).set(1)
    registry.gauge(gpu.GPU_DEVICES_EXPECTED).set(1)
    registry.gauge(gpu.GPU_UTILIZATION).set(chance.uniform(0.5, 0.7), "0")
    registry.gauge(gpu.GPU_MEMORY_USED).set(6e9, "0")
    registry.gauge(gpu.GPU_MEMORY_TOTAL).set(8e9, "0")
    registry.gauge(gpu.GPU_POWER).set(chance.uniform(200, 250), "0")
    registry.gauge(gpu.GPU_POWER_LIMIT).set(300, "0")
    registry.counter(gpu.GPU_ENERGY).inc(220, "0")
    registry.gauge(gpu.GPU_TEMPERATURE).set(61, "0")
    registry.gauge(gpu.GPU_TEMPERATURE_MARGIN).set(26, "0")
    registry.gauge(gpu.GPU_MEMORY_TEMPERATURE).set(70, "0")
    registry.gauge(gpu.GPU_TEMPERATURE_LIMIT).set(95, "0", "memory_max")
    registry.gauge(gpu.GPU_CLOCK).set(1.4e9, "0", "sm")
    registry.gauge(gpu.GPU_CLOCK_MAX).set(1.98e9, "0", "sm")
    for reason in THROTTLE_REASONS:
        registry.gauge(gpu.GPU_THROTTLE_ACTIVE).set(0, "0", reason)
        registry.counter(gpu.GPU_THROTTLE_SECONDS).inc(chance.uniform(0, 0.1), "0", reason)


def chip(registry: Registry, chance: random.Random) -> None:
    device(registry, chance)
    registry.gauge(gpu_profiling.SM_ACTIVE).set(chance.uniform(0.3, 0.5), "0")
    registry.gauge(gpu_profiling.SM_OCCUPANCY).set(chance.uniform(0.2, 0.3), "0")
    registry.gauge(gpu_profiling.DRAM_ACTIVE).set(chance.uniform(0.5, 0.8), "0")
    for pipe in ("tensor", "fp32"):
        registry.gauge(gpu_profiling.PIPE_ACTIVE).set(chance.uniform(0.1, 0.3), "0", pipe)
    for number, share in (("1", 0.4), ("2", 0.6)):
        registry.gauge(gpu_mig.MIG_MEMORY_USED).set(share * 4e9, "0", number)
        registry.gauge(gpu_mig.MIG_MEMORY_TOTAL).set(4e9, "0", number)
        registry.gauge(gpu_mig.MIG_SM_ACTIVE).set(share, "0", number)
        registry.gauge(gpu_mig.MIG_DRAM_ACTIVE).set(share, "0", number)
    registry.gauge(gpu_processes.GPU_PROCESSES).set(2, "0", "compute")
    registry.gauge(gpu_processes.CONTAINER_MEMORY).set(5e9, "0", "engine")
    registry.gauge(gpu_processes.CONTAINER_SM).set(chance.uniform(0.4, 0.6), "0", "engine")


def health(registry: Registry, chance: random.Random) -> None:
    chip(registry, chance)
    registry.counter(gpu.GPU_XID_ERRORS).inc(0, "0", "79")
    registry.counter(gpu_health.GPU_EVENTS).inc(0, "0", "fatal_poison")
    for kind in ("corrected", "uncorrected"):
        registry.counter(gpu_health.ECC_ERRORS).inc(0, "0", kind, "volatile")
    registry.gauge(gpu_health.REMAP_PENDING).set(0, "0")
    registry.gauge(gpu_health.REMAP_FAILURE).set(0, "0")
    registry.gauge(gpu_health.ROW_BANKS).set(0, "0", "low")
    registry.gauge(gpu_health.FABRIC_FAILED).set(0, "0")
    registry.counter(gpu_links.PCIE_REPLAYS).inc(0, "0")
    registry.gauge(gpu_links.PCIE_WIDTH).set(16, "0")
    registry.gauge(gpu_links.PCIE_WIDTH_MAX).set(16, "0")
    registry.counter(gpu_links.NVLINK_TOTAL_ERRORS).inc(0, "0", "replay")
    registry.gauge(gpu_links.NVLINK_UP).set(1, "0", "0")
    for direction in ("tx", "rx"):
        registry.counter(gpu_links.PCIE_BYTES).inc(chance.uniform(1e8, 3e8), "0", direction)
        registry.counter(gpu_links.NVLINK_BYTES).inc(chance.uniform(1e9, 3e9), "0", direction)
    registry.gauge(gpu.NVML_PASS_AGE).set(chance.uniform(0.1, 0.9), "0")
    registry.histogram(gpu.NVML_CALL).observe(2e-5, "0")
    registry.histogram(gpu.NVML_SCRAPE).observe(0.004)


def kernels(registry: Registry, chance: random.Random) -> None:
    for kernel in probe.KERNELS:
        registry.gauge(probe.PROBE_P50).set(0.001, "cpu", kernel)
        registry.gauge(probe.PROBE_P99).set(0.0012, "cpu", kernel)
        registry.gauge(probe.PROBE_FLOPS).set(1e11, "cpu", kernel)
        registry.gauge(probe.PROBE_BYTES).set(1e10, "cpu", kernel)
        registry.gauge(probe.PROBE_SLOWDOWN).set(chance.uniform(0.98, 1.02), "cpu", kernel)
        registry.gauge(probe.PROBE_CONTENTION).set(chance.uniform(1.2, 1.5), "cpu", kernel)
        registry.gauge(probe.PROBE_PEAK).set(chance.uniform(0.5, 0.8), "cpu", kernel)
        registry.gauge(probe.PROBE_SLOW).set(0, "cpu", kernel)
        registry.counter(probe.PROBE_WRONG).inc(0, "cpu", kernel)
        for state in ("idle", "contended"):
            registry.counter(probe.PROBE_SAMPLES).inc(1, "cpu", kernel, state)
    registry.gauge(probe.PROBE_DUTY).set(chance.uniform(0.0008, 0.001), "cpu")
    registry.gauge(probe.PROBE_CLOCK).set(chance.uniform(0.9, 1), "cpu")
    registry.gauge(probe.PROBE_MEMORY).set(2.5e8, "cpu")
    registry.counter(probe.PROBE_SKIPPED).inc(chance.randint(0, 1), "cpu", "device")
    for outcome, times in (("ok", 3), ("busy", 1), ("wrong_model", chance.randint(0, 1))):
        registry.counter(canary.CANARY_REQUESTS).inc(times, "gateway", "m", outcome)
    registry.counter(canary.CANARY_BUSY).inc(1, "gateway", "m", "queue_full")
    registry.gauge(canary.CANARY_UP).set(1, "gateway", "m")
    registry.gauge(canary.CANARY_LAST_TIME).set(time.time() - 0.2, "gateway", "m")
    registry.gauge(canary.CANARY_CERTIFICATE_EXPIRY).set(time.time() + 5e6, "gateway", "m")
    registry.histogram(canary.CANARY_TIME_TO_FIRST_TOKEN).observe(0.2, "gateway", "m")
    registry.histogram(canary.CANARY_INTER_TOKEN).observe(0.02, "gateway", "m")
    for number, phase in enumerate(canary.PHASES, start=1):
        registry.histogram(canary.CANARY_PHASE_DURATION).observe(
            chance.uniform(0.01, 0.02) * number, "gateway", "m", phase
        )


def caller(registry: Registry, chance: random.Random) -> None:
    registry.counter(clients.CLIENT_REQUESTS).inc(9, "chat", "ok")
    registry.counter(clients.CLIENT_REQUESTS).inc(1, "chat", "rejected")
    registry.counter(clients.CLIENT_ATTEMPTS).inc(9, "chat", "ok", "200")
    registry.counter(clients.CLIENT_ATTEMPTS).inc(2, "chat", "rejected", "503")
    registry.counter(clients.CLIENT_RETRIES).inc(chance.randint(1, 2), "chat", "status_503")
    registry.counter(clients.CLIENT_GIVE_UPS).inc(chance.randint(0, 1), "chat", "deadline")
    registry.gauge(clients.CLIENT_CIRCUIT_STATE).set(1, "chat", "closed")
    registry.histogram(clients.CLIENT_REQUEST_DURATION).observe(
        chance.uniform(0.2, 0.4), "chat", "ok"
    )


def telemetry(registry: Registry, chance: random.Random) -> None:
    for kind in ("span", "log"):
        registry.counter(own.TELEMETRY_WRITTEN).inc(chance.randint(20, 40), kind)
    registry.gauge(own.TELEMETRY_SPOOLED).set(0)
    registry.counter(own.TELEMETRY_SAMPLED_OUT).inc(3)
    registry.counter(own.METRICS_ERRORS).inc(0)
    registry.gauge(own.WORKERS).set(4)


def well(registry: Registry, chance: random.Random) -> None:
    gateway(registry, chance)
    telemetry(registry, chance)


def watch(registry: Registry, chance: random.Random) -> None:
    registry.gauge(own.VERDICT_BACKLOG).set(0)
    registry.counter(own.ALERTS_RECEIVED).inc(1, "new")
    registry.counter(own.VERDICTS).inc(1, "named")
    registry.counter(own.PAGES).inc(1, "sent")
    registry.histogram(own.VERDICT_DURATION).observe(chance.uniform(1, 3))
    registry.gauge(own.VERDICT_INFO).set(1, "1f", "slow_replica", "replica/a")
    registry.gauge(levels.SET).set(1.5, "LatencyP99High", "chat")


def forecasts(registry: Registry, chance: random.Random) -> None:
    registry.gauge(forecast.EXPECTED).set(5, "chat", "requests", "1h")
    registry.gauge(forecast.UPPER).set(8, "chat", "requests", "1h")
    registry.gauge(forecast.CAPACITY).set(20, "chat", "requests")
    registry.gauge(forecast.CROSSING).set(9000, "chat", "requests", "upper")
    registry.gauge(forecast.LEARNT).set(1, "chat", "requests")
    registry.gauge(forecast.MADE).set(time.time() - 30)
    registry.counter(forecast.ERRORS).inc(0)


def sick_gateway(registry: Registry, chance: random.Random) -> None:
    well(registry, chance)
    registry.counter(requests.REQUESTS).inc(5, "m", "rejected", "503")
    registry.counter(requests.REQUESTS_REJECTED).inc(5, "m", "queue_full")
    registry.gauge(requests.REPLICA_EJECTED).set(1, "a")
    for result in ("hit", "error"):
        registry.counter(cache.CACHE_LOOKUPS).inc(2, "prompt", result)
    registry.counter(own.TELEMETRY_DROPPED).inc(2, "span", "queue_full")


def sick_replica(registry: Registry, chance: random.Random) -> None:
    replica(registry, chance)
    registry.counter(requests.REQUESTS_REJECTED).inc(1, "m", "queue_full")
    registry.counter(host.CPU_PERIODS).inc(10)
    registry.counter(host.CPU_THROTTLED_PERIODS).inc(6)
    registry.gauge(host.TORCH_RESERVED).set(7e9, "0")
    registry.gauge(host.TORCH_SPLIT).set(3e9, "0")
    registry.gauge(requests.COLD_START).set(2, "m")
    registry.gauge(foreign.PROCESS_START).set(time.time())


def sick_gpu(registry: Registry, chance: random.Random) -> None:
    health(registry, chance)
    registry.gauge(gpu_links.NVLINK_UP).set(1 if time.monotonic() % 8 < 2 else 0, "0", "1")
    registry.gauge(gpu.GPU_FAMILY_STATUS).set(1, "0", "power", "error")
    registry.gauge(gpu.GPU_INFO).set(1, "0", "GPU-0", "H100", "550", "true")
    registry.counter(gpu.NVML_ERRORS).inc(1, "nvmlDeviceGetPowerUsage", "unknown")


def renamed(registry: Registry, chance: random.Random) -> None:
    """Show two of vLLM's names and lack all the others."""
    del chance
    registry.gauge(vllm.RUNNING).set(1, "m", "0")
    registry.gauge(vllm.WAITING_BY_REASON).set(2, "m", "0", "capacity")


def machine(registry: Registry, chance: random.Random) -> None:
    """A machine whose disk fills up, and which tells of its memory only half of the time."""
    registry.counter(foreign.NODE_CPU).inc(chance.uniform(0.2, 0.4), "0", "idle")
    registry.gauge(foreign.NODE_MEMORY_AVAILABLE).set(6e9)
    memory = registry.gauge(foreign.NODE_MEMORY_TOTAL)
    memory.set(8e9) if time.monotonic() % 16 < 8 else memory.clear()
    registry.counter(foreign.NODE_PRESSURE_IO).inc(chance.uniform(0.1, 0.5))
    free = registry.gauge(foreign.NODE_DISK_FREE)
    free.set(1e12 - 1e6 * time.monotonic(), "/dev/sda1", "ext4", "/")


def queue_in_front(registry: Registry, chance: random.Random) -> None:
    registry.gauge(foreign.KAFKA_LAG).set(chance.uniform(50, 90), "chat", "prompts", "0")
    registry.gauge(foreign.KAFKA_GROUP_OFFSET).set(9 * time.monotonic(), "chat", "prompts", "0")


def silent(registry: Registry, chance: random.Random) -> None:
    registry.gauge(foreign.PROCESS_START).set(1.7e9)
