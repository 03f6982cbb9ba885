"""What a service is made of, drawn from a seed: names, sizes, speeds, who depends on whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from demo.incidents.arrivals import fitted
from demo.incidents.engine import Shape

SERVICES = ("chat", "assist", "completions", "support-bot", "answers", "llm-api")
MODELS = ("qwen2-7b", "llama-8b", "mistral-7b", "tiny", "in-house-13b")
STARS = ("altair", "deneb", "mira", "rigel", "spica", "vega", "hadar", "izar", "atlas", "maia")
UPSTREAMS = ("features", "embeddings", "auth", "vector-db", "profile", "safety", "tools", "search")
LETTERS = "bcdfghjkmnpqrstvwxz2456789"
REGIONS = ("eu-1", "eu-2", "us-1", "ap-1")


@dataclass(frozen=True)
class ReplicaPlan:
    """A replica: its name, its GPU's index on its host, where it runs and how far that is."""

    name: str
    gpu: int
    host: str
    region: str
    network_seconds: float
    shape: Shape


@dataclass(frozen=True)
class UpstreamPlan:
    """A service that requests depend on; `required`: they fail without it. `alias` in spans."""

    name: str
    alias: str
    seconds: float
    required: bool


@dataclass(frozen=True)
class Plan:
    """A service, healthy."""

    service: str
    model: str
    workload: str
    rate: float
    replicas: tuple[ReplicaPlan, ...]
    upstreams: tuple[UpstreamPlan, ...]
    cache_hits: float | None
    """Share that the cache of answers answers; None where there is none."""
    slots: int
    max_queue: int
    rate_limit: float
    routing: str
    hosts: tuple[str, ...]
    retries: int
    timeout_seconds: float


def draw(rng: Random) -> Plan:
    """A service that copes with its load."""
    workload = "code" if rng.random() < 0.2 else "conversation"
    count = rng.choice((2, 2, 3, 3, 4))
    cache_hits = rng.uniform(0.15, 0.35) if rng.random() < 0.6 else None
    utilisation = rng.uniform(0.41, 0.64) / usual_peak(workload)
    served = rng.uniform(2.4, 3.6)
    shape = _sized(_shape(rng, workload), workload, served / utilisation / count)
    rate = served / (1 - (cache_hits or 0.0))
    slots = count * shape.max_batch
    hosts = _hosts(rng, count)
    return Plan(
        service=rng.choice(SERVICES),
        model=rng.choice(MODELS),
        workload=workload,
        rate=rate,
        replicas=_replicas(rng, hosts, count, shape),
        upstreams=_upstreams(rng),
        cache_hits=cache_hits,
        slots=slots,
        max_queue=int(slots * rng.uniform(1.0, 3.0)),
        rate_limit=rate * rng.uniform(8.0, 14.0),
        routing=rng.choice(("least", "least", "round_robin")),
        hosts=hosts,
        retries=rng.choice((2, 3, 3, 4)),
        timeout_seconds=rng.uniform(40.0, 90.0),
    )


def usual_peak(workload: str) -> float:
    """How far the load of an ordinary day goes beyond its mean, nine times in ten: sized for it."""
    variance = math.log1p(fitted()["workloads"][workload]["slow_cv2"])
    return max(1.0, math.exp(1.28 * math.sqrt(variance) - variance / 2))


def _shape(rng: Random, workload: str) -> Shape:
    batch = rng.choice((12, 16, 16, 24))
    return Shape(
        max_batch=batch,
        max_waiting=rng.choice((32, 64, 128)),
        kv_tokens=int(batch * _mean_prompt(workload) * rng.uniform(1.4, 2.2)),
        base_step=rng.uniform(0.014, 0.03),
        step_per_sequence=rng.uniform(0.0004, 0.001),
        prefill_rate=rng.uniform(8_000, 16_000),
    )


def _sized(shape: Shape, workload: str, requests_per_second: float) -> Shape:
    """The same engine on hardware just fast enough for that many requests a second."""
    pace = requests_per_second / _capacity(shape, workload)
    return replace(
        shape,
        base_step=shape.base_step / pace,
        step_per_sequence=shape.step_per_sequence / pace,
        prefill_rate=shape.prefill_rate * pace,
    )


def _mean(fit: dict[str, float]) -> float:
    """Mean of the log-normal without its cut-off, near enough to size a service."""
    return min(float(2.718281828 ** (fit["mu"] + fit["sigma"] ** 2 / 2)), fit["limit"] / 2)


def _mean_prompt(workload: str) -> float:
    return _mean(fitted()["workloads"][workload]["prompt"])


def _capacity(shape: Shape, workload: str) -> float:
    """Requests a second that one replica can do: by its batch or by its prefill."""
    output = _mean(fitted()["workloads"][workload]["output"])
    step = shape.base_step + shape.step_per_sequence * shape.max_batch
    by_batch = shape.max_batch / (output * step * 1.15)
    by_prefill = shape.prefill_rate / _mean_prompt(workload)
    return min(by_batch, by_prefill, 1 / (1 / by_batch + 0.5 / by_prefill))


def _hosts(rng: Random, count: int) -> tuple[str, ...]:
    """One host mostly; else two, whose GPUs are both numbered from 0."""
    many = 2 if count > 1 and rng.random() < 0.3 else 1
    return tuple(f"node-{number}" for number in rng.sample(range(1, 41), many))


def _replicas(
    rng: Random, hosts: tuple[str, ...], count: int, shape: Shape
) -> tuple[ReplicaPlan, ...]:
    style = rng.choice(("star", "pod", "number"))
    stars = rng.sample(STARS, count)
    pod = _word(rng, 9)
    names = {
        "star": stars,
        "pod": [f"vllm-{pod}-{_word(rng, 5)}" for _ in range(count)],
        "number": [f"replica-{number}" for number in range(count)],
    }[style]
    gpus = [(hosts[number % len(hosts)], number // len(hosts)) for number in range(count)]
    rng.shuffle(gpus)
    regions = [rng.choice(REGIONS)] * count
    if count > 2 and rng.random() < 0.4:
        regions[-1] = rng.choice([one for one in REGIONS if one != regions[0]])
    return tuple(
        ReplicaPlan(name, gpu, host, region, 0.001 if region == regions[0] else 0.04, shape)
        for name, (host, gpu), region in zip(names, gpus, regions, strict=True)
    )


def _upstreams(rng: Random) -> tuple[UpstreamPlan, ...]:
    names = rng.sample(UPSTREAMS, rng.choice((1, 2, 2, 3)))
    return tuple(
        UpstreamPlan(
            name,
            f"{name}.internal" if rng.random() < 0.15 else name,
            rng.uniform(0.008, 0.06),
            rng.random() < 0.6,
        )
        for name in names
    )


def _word(rng: Random, length: int) -> str:
    return "".join(rng.choices(LETTERS, k=length))
