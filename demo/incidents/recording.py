"""From what the scraper saw to the neutral series, as the recording rules would write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from demo.incidents.metering import Floats, Key
from demo.incidents.replica import MEMORY_LIMIT
from demo.incidents.world import KERNELS, STEP, World
from exporters.catalog import engine, foreign, gpu, neutral, probe
from exporters.catalog.signal import Signal

WINDOW = 20
"""Samples in the rules' short window of five minutes."""


@dataclass(frozen=True)
class Series:
    """One recorded series over the scrapes; NaN where there is none."""

    name: str
    labels: tuple[tuple[str, str], ...]
    values: Floats

    def with_values(self, values: Floats) -> Series:
        """The same series with other samples."""
        return replace(self, values=values)


def rate(totals: Floats) -> Floats:
    """Per second over the short window, along the first axis, as `rate()` extrapolates."""
    grown = np.zeros_like(totals)
    reach = WINDOW - 1
    grown[reach:] = totals[reach:] - totals[:-reach]
    return grown / (reach * STEP)


def ratio(part: Floats, whole: Floats) -> Floats:
    """NaN where there is no whole."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def quantile(q: float, bounds: tuple[float, ...], cumulative: Floats) -> Floats:
    """As `histogram_quantile` of rates of cumulative buckets, shape (scrapes, buckets)."""
    rates = rate(cumulative)
    wanted = q * rates[:, -1]
    edges = np.array([0.0, *bounds])
    column = np.minimum((rates < wanted[:, None]).sum(axis=1), len(bounds))
    rows = np.arange(len(rates))
    below = np.where(column > 0, rates[rows, np.maximum(column - 1, 0)], 0.0)
    inside = rates[rows, column] - below
    last = column >= len(bounds)
    lower = edges[np.minimum(column, len(bounds))]
    upper = edges[np.minimum(column + 1, len(bounds))]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = lower + (upper - lower) * (wanted - below) / inside
    found = np.where(last, bounds[-1], found)
    return np.where(rates[:, -1] > 0, found, np.nan)


class Recorder:
    """Writes down every neutral series of one service."""

    def __init__(self, world: World, epoch_seconds: float) -> None:
        self.epoch_seconds = epoch_seconds
        self.world, self.meters, self.plan = world, world.meters, world.plan
        self.service = ("service", world.plan.service)

    def series(self) -> list[Series]:
        """All series over all scrapes, the warm-up among them."""
        return list(
            chain(
                self._service(), self._latency(), self._gateway(), self._upstreams(),
                *map(self._replica, [one.name for one in self.world.replicas]),
                self._devices(), self._host(), self._targets(),
            )
        )  # fmt: skip

    def _one(self, signal: Signal, values: Floats, **labels: str) -> Series:
        named = dict([self.service]) if "service" in signal.labels else {}
        return Series(signal.name, tuple(sorted({**named, **labels}.items())), values)

    def _rate(self, meter: str, owner: str = "", part: str = "") -> Floats:
        return rate(self.meters.counter(Key(meter, owner, part)))

    def _sum(self, keys: list[Key]) -> Floats:
        zero = np.zeros(len(self.meters.times))
        return sum((rate(self.meters.counter(key)) for key in keys), zero)

    def _service(self) -> Iterator[Series]:
        model = self.plan.model
        started, resent = self._rate("started"), self._rate("resent")
        yield self._one(neutral.STARTED_RATE, started, model=model)
        keys = self.meters.keys("finished")
        for outcome in sorted({key.owner for key in keys}):
            mine = self._sum([key for key in keys if key.owner == outcome])
            yield self._one(neutral.OUTCOME_RATE, mine, model=model, outcome=outcome)
        finished = self._sum(keys)
        bad = self._sum([key for key in keys if key.part == "5xx"])
        yield self._one(neutral.ERROR_SHARE, ratio(bad, finished))
        for key in self.meters.keys("refused"):
            yield self._one(neutral.REJECTED_RATE, self._sum([key]), reason=key.owner)
        yield self._one(neutral.RESENT_SHARE, ratio(resent, started))
        yield self._one(neutral.FALLBACK_RATE, self._rate("fallbacks"))

    def _latency(self) -> Iterator[Series]:
        model = self.plan.model
        for signal, meter, q in (
            (neutral.DURATION_P99, "duration", 0.99),
            (neutral.DURATION_P50, "duration", 0.5),
            (neutral.FIRST_TOKEN_P99, "first_token", 0.99),
            (neutral.INTER_TOKEN_P99, "inter_token", 0.99),
        ):
            yield self._one(signal, self._quantile(q, meter), model=model)
        counts, sums = self.meters.shape(Key("prompt_length"))
        bounds = self.meters.histograms[Key("prompt_length")].bounds
        every = rate(counts)
        yield self._one(neutral.PROMPT_LENGTH_MEAN, ratio(rate(sums), every[:, -1]))
        short = every[:, bounds.index(2048.0)]
        yield self._one(neutral.LONG_PROMPT_SHARE, 1.0 - ratio(short, every[:, -1]))

    def _quantile(self, q: float, meter: str, owner: str = "") -> Floats:
        key = Key(meter, owner)
        if key not in self.meters.histograms:
            return np.full(len(self.meters.times), np.nan)
        counts, _ = self.meters.shape(key)
        return quantile(q, self.meters.histograms[key].bounds, counts)

    def _gateway(self) -> Iterator[Series]:
        depth = self.meters.level(Key("queue_depth"))
        yield self._one(neutral.QUEUE_DEPTH, depth, replica="")
        yield self._one(neutral.QUEUE_WAIT_P99, self._quantile(0.99, "queue_wait"), replica="")
        for tier in ("distributed",) if self.world.gateway.cache else ():
            every = self._sum(self.meters.keys("lookups"))
            hits, errors = self._rate("lookups", "hit"), self._rate("lookups", "error")
            yield self._one(neutral.CACHE_HIT_SHARE, ratio(hits, every), tier=tier)
            yield self._one(neutral.CACHE_ERROR_SHARE, ratio(errors, every), tier=tier)

    def _upstreams(self) -> Iterator[Series]:
        for upstream in self.plan.upstreams:
            keys = [key for key in self.meters.keys("upstream_calls") if key.owner == upstream.name]
            calls = self._sum(keys)
            failed = self._sum([key for key in keys if key.part == "error"])
            seconds = self._rate("upstream_seconds", upstream.name)
            labels = {"upstream": upstream.name}
            yield self._one(neutral.UPSTREAM_MEAN, ratio(seconds, calls), **labels)
            yield self._one(neutral.UPSTREAM_ERROR_SHARE, ratio(failed, calls), **labels)

    def _replica(self, name: str) -> Iterator[Series]:
        answers = self.meters.level(Key("up", name)) > 0
        for signal, values, labels in chain(self._engine(name), self._times(name)):
            shown = np.where(answers, values, np.nan)
            yield self._one(signal, shown, replica=name, **labels)
        for key in self.meters.keys("attempts"):
            if key.owner == name:
                calls = self._sum([key])
                yield self._one(neutral.ATTEMPT_RATE, calls, replica=name, outcome=key.part)
        count = self._rate("attempt_count", name)
        mean = ratio(self._rate("attempt_seconds", name), count)
        yield self._one(neutral.ATTEMPT_MEAN, mean, replica=name)
        yield self._one(neutral.EJECTED, self.meters.level(Key("ejected", name)), replica=name)

    def _total(self, field: str, name: str) -> Floats:
        """The rate of one of the engine's totals; what was not scraped stays as it was."""
        level = self.meters.level(Key(f"total_{field}", name))
        known = np.maximum.accumulate(np.nan_to_num(level, nan=0.0))
        return rate(known)

    def _engine(self, name: str) -> Iterator[tuple[Signal, Floats, dict[str, str]]]:
        def level(meter: str) -> Floats:
            return self.meters.level(Key(meter, name))

        yield neutral.QUEUE_DEPTH, level("queue_depth"), {}
        yield neutral.RUNNING, level("running"), {}
        yield neutral.KV_CACHE_USAGE, level("kv_usage"), {}
        yield neutral.REPLICA_MEMORY, level("memory"), {}
        limit = np.full(len(self.meters.times), MEMORY_LIMIT)
        yield neutral.REPLICA_MEMORY_LIMIT, limit, {}
        yield neutral.REPLICA_THROTTLED, level("throttled"), {}
        for signal, field in (
            (neutral.PREEMPTION_RATE, "preemptions"),
            (neutral.PROMPT_TOKEN_RATE, "prompt_tokens"),
            (neutral.CACHED_TOKEN_RATE, "cached_tokens"),
            (neutral.GENERATED_TOKEN_RATE, "generated_tokens"),
        ):
            yield signal, self._total(field, name), {}
        kills = [at for at, killed in self.world.killed if killed == name]
        told = np.searchsorted(np.array(sorted(kills)), self.meters.times).astype(np.float64)
        yield neutral.REPLICA_OOM_KILLS, rate(told) * WINDOW * STEP, {}
        yield neutral.REPLICA_FINISHED_RATE, self._rate("replica_finished", name), {}

    def _times(self, name: str) -> Iterator[tuple[Signal, Floats, dict[str, str]]]:
        finished = self._rate("replica_finished", name)
        for signal, meter in (
            (neutral.QUEUE_WAIT_P99, "replica_queue_wait"),
            (neutral.REPLICA_DURATION_P99, "replica_duration"),
            (neutral.REPLICA_FIRST_TOKEN_P99, "replica_first_token"),
        ):
            yield signal, self._quantile(0.99, meter, name), {}
        gap = ratio(self._rate("replica_gap_seconds", name), finished)
        yield neutral.REPLICA_INTER_TOKEN_MEAN, gap, {}
        for phase in ("queue", "prefill", "decode"):
            mean = ratio(self._rate("phase_seconds", name, phase), finished)
            yield neutral.PHASE_MEAN, mean, {"phase": phase}
        for phase, seconds, count in (
            ("decode", "decode_seconds", "decode_steps"),
            ("prefill", "prefill_seconds", "prefills"),
        ):
            mean = ratio(self._total(seconds, name), self._total(count, name))
            yield neutral.STEP_MEAN, mean, {"phase": phase}

    def _devices(self) -> Iterator[Series]:
        for replica in self.world.replicas:
            index, host = replica.gpu.name, replica.gpu.host
            labels = {"instance": f"{host}:9400", "gpu": str(replica.gpu.index)}
            for signal, meter in (
                (neutral.GPU_UP, "gpu_up"), (neutral.GPU_UTILIZATION, "gpu_busy"),
                (neutral.GPU_POWER, "gpu_watts"), (neutral.GPU_TEMPERATURE, "gpu_celsius"),
                (neutral.GPU_CLOCK, "gpu_clock"), (neutral.GPU_MEMORY, "gpu_memory"),
            ):  # fmt: skip
                yield self._one(signal, self.meters.level(Key(meter, index)), **labels)
            for key in self.meters.keys("gpu_throttle"):
                if key.owner == index:
                    held = np.nan_to_num(self.meters.level(key), nan=0.0)
                    yield self._one(neutral.GPU_THROTTLE, held, reason=key.part, **labels)
            for key in self.meters.keys("gpu_xid"):
                if key.owner == index:
                    seen = np.maximum.accumulate(np.nan_to_num(self.meters.level(key), nan=0.0))
                    grown = rate(seen) * WINDOW * STEP
                    yield self._one(neutral.GPU_XID_RATE, grown, xid=key.part, **labels)
            probe_info = {"device": f"cuda:{replica.gpu.index}", "uuid": replica.gpu.uuid}
            instance, ones = f"{host}:9401", np.ones(len(self.meters.times))
            yield self._one(probe.PROBE_DEVICE, ones, kind="cuda", instance=instance, **probe_info)
            for kernel in KERNELS:
                took = self.meters.level(Key("kernel_slowdown", index, kernel))
                probed = {"instance": f"{host}:9401", "device": f"cuda:{replica.gpu.index}"}
                yield self._one(neutral.KERNEL_SLOWDOWN, took, kernel=kernel, **probed)

    def _host(self) -> Iterator[Series]:
        instance = f"{self.plan.hosts[0]}:9100"
        for signal, meter in (
            (neutral.NODE_CPU, "node_cpu"),
            (neutral.NODE_MEMORY, "node_memory"),
            (neutral.NODE_IO, "node_io"),
        ):
            yield self._one(signal, self.meters.level(Key(meter)), instance=instance)

    def _targets(self) -> Iterator[Series]:
        ones = np.ones(len(self.meters.times))
        service = self.plan.service
        for job in ("gateway", "gpu", "probe", "node"):
            where = {"job": job, "instance": f"{job}:9100"}
            named = {"service": service} if job == "gateway" else {}
            yield self._one(foreign.UP, ones, **where, **named)
        for number, replica in enumerate(self.world.replicas):
            where = {
                "job": "replica", "instance": f"10.0.0.{number + 10}:8000",
                "replica": replica.name, "service": service,
            }  # fmt: skip
            up = self.meters.level(Key("up", replica.name))
            yield self._one(foreign.UP, up, **where)
            started = self.epoch_seconds + self.meters.level(Key("started", replica.name))
            yield self._one(foreign.PROCESS_START, started, **where)
            yield from self._versions(replica.name, replica.gpu.uuid, where)
            info = {"gpu": str(replica.gpu.index), "uuid": replica.gpu.uuid, "name": "H200"}
            yield self._one(gpu.GPU_INFO, ones, **info, instance=f"{replica.gpu.host}:9400")

    def _versions(self, name: str, uuid: str, where: dict[str, str]) -> Iterator[Series]:
        level = self.meters.level(Key("version", name))
        for number in sorted(set(level[np.isfinite(level)].tolist())):
            version = f"{int(number // 10_000)}.{int(number // 100 % 100)}.{int(number % 100)}"
            shown = np.where(level == number, 1.0, np.nan)
            labels = {**where, "version": version, "gpu_uuid": uuid}
            yield self._one(engine.REPLICA_INFO, shown, **labels)
