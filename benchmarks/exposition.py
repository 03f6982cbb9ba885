"""What it takes to write 10,000 samples as text, beside prometheus_client.

Run as `python -m benchmarks.exposition [--json FILE]`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    make_asgi_app,
)

from benchmarks import _rounds as rounds
from exporters.catalog.requests import ATTEMPTS, REQUEST_DURATION
from exporters.exposition import Exposition, Registry, metrics_app
from exporters.exposition.app import App, Message

SAMPLES = 10_000
PER_HISTOGRAM = len(REQUEST_DURATION.buckets) + 3
TICK = 0.001
STALL = "event-loop stall"
KINDS = ("counters", "histograms")


def full_registry(kind: str) -> Registry:
    """A registry of ours with all samples."""
    registry = Registry(max_children=SAMPLES)
    if kind == "counters":
        for number in range(SAMPLES):
            registry.counter(ATTEMPTS).inc(number * 1.1, f"replica-{number}", "ok")
    else:
        for number in range(SAMPLES // PER_HISTOGRAM):
            registry.histogram(REQUEST_DURATION).observe(number / 100, f"model-{number}", "vip")
    return registry


def full_client_registry(kind: str) -> CollectorRegistry:
    """The same values in prometheus_client."""
    registry = CollectorRegistry()
    if kind == "counters":
        counter = Counter("llm_attempts", ATTEMPTS.help, ATTEMPTS.labels, registry=registry)
        for number in range(SAMPLES):
            counter.labels(f"replica-{number}", "ok").inc(number * 1.1)
    else:
        histogram = Histogram(
            REQUEST_DURATION.name,
            REQUEST_DURATION.help,
            REQUEST_DURATION.labels,
            registry=registry,
            buckets=REQUEST_DURATION.buckets,
        )
        for number in range(SAMPLES // PER_HISTOGRAM):
            histogram.labels(f"model-{number}", "vip").observe(number / 100)
    return registry


def repeat(render: Callable[[], object]) -> Callable[[int], None]:
    """A function that renders n times."""

    def run(count: int) -> None:
        for _ in range(count):
            render()

    return run


def measure(*, calls: int = 3, repeats: int = 15) -> dict[str, dict[str, float]]:
    """Milliseconds per page, by kind of sample and contender."""
    taken = {}
    for kind in KINDS:
        page = Exposition(full_registry(kind))
        contenders = {
            "busysignal": repeat(page.render),
            "prometheus_client": repeat(partial(generate_latest, full_client_registry(kind))),
        }
        micros = rounds.medians(contenders, calls=calls, rounds=repeats)
        taken[kind] = {name: median / 1e3 for name, median in micros.items()}
    return taken


async def stall(app: App, scrapes: int = 20) -> float:
    """Milliseconds: the median over scrapes of how long the event loop stood still at most."""
    worst: list[float] = []
    page = asyncio.Event()

    async def tick() -> None:
        while not page.is_set():
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            worst[-1] = max(worst[-1], time.perf_counter() - before - TICK)

    for _ in range(scrapes):
        page.clear()
        worst.append(0.0)
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(5 * TICK)
        worst[-1] = 0.0
        await app({"type": "http", "method": "GET", "headers": [], "query_string": b""}, read, drop)
        page.set()
        await ticking
    return statistics.median(worst) * 1e3


async def read() -> Message:
    """Hand over an empty body."""
    return {"type": "http.request"}


async def drop(message: Message) -> None:
    """Drop the page."""


def stalls() -> dict[str, float]:
    """The stall of each contender's ASGI app over the same histograms."""
    mine, other = full_registry("histograms"), full_client_registry("histograms")
    return {
        "busysignal": asyncio.run(stall(metrics_app(mine))),
        "prometheus_client": asyncio.run(stall(make_asgi_app(other))),
    }


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    taken = {**measure(), STALL: stalls()}
    rows = [
        (name, *(rounds.beside(took[name], took["busysignal"]) for took in taken.values()))
        for name in ("busysignal", "prometheus_client")
    ]
    print(rounds.table((f"milliseconds per {SAMPLES:,} samples", *taken), rows))
    if options.json:
        rounds.write_json(options.json, {"unit": "milliseconds", "samples": SAMPLES, **taken})


if __name__ == "__main__":
    main()
