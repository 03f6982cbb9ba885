"""What it takes to write 10,000 samples, of one worker and of four, beside prometheus_client.

Run as `python -m benchmarks.exposition [--json FILE]`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    make_asgi_app,
)
from prometheus_client.multiprocess import MultiProcessCollector

from benchmarks import _rounds as rounds
from exporters.catalog.requests import ATTEMPTS, REQUEST_DURATION
from exporters.exposition import Exposition, Registry, metrics_app
from exporters.exposition.app import App, Message, Receive, Scope, Send

SAMPLES = 10_000
PER_HISTOGRAM = len(REQUEST_DURATION.buckets) + 3
TICK = 0.001
SHARED = Path("/dev/shm")
STALL = "event-loop stall"
NAMES = ("busysignal", "prometheus_client", "nothing")
KINDS = ("counters", "histograms")


def full_registry(kind: str, samples: int = SAMPLES, workers: Path | None = None) -> Registry:
    """A registry of ours with all samples."""
    registry = Registry(max_children=samples, workers=workers)
    if kind == "counters":
        for number in range(samples):
            registry.counter(ATTEMPTS).inc(number * 1.1, f"replica-{number}", "ok")
    else:
        for number in range(samples // PER_HISTOGRAM):
            registry.histogram(REQUEST_DURATION).observe(number / 100, f"model-{number}", "vip")
    return registry


def full_client_registry(kind: str, samples: int = SAMPLES) -> CollectorRegistry:
    """The same values in prometheus_client."""
    registry = CollectorRegistry()
    if kind == "counters":
        counter = Counter("llm_attempts", ATTEMPTS.help, ATTEMPTS.labels, registry=registry)
        for number in range(samples):
            counter.labels(f"replica-{number}", "ok").inc(number * 1.1)
    else:
        histogram = Histogram(
            REQUEST_DURATION.name,
            REQUEST_DURATION.help,
            REQUEST_DURATION.labels,
            registry=registry,
            buckets=REQUEST_DURATION.buckets,
        )
        for number in range(samples // PER_HISTOGRAM):
            histogram.labels(f"model-{number}", "vip").observe(number / 100)
    return registry


def repeat(render: Callable[[], object]) -> Callable[[int], None]:
    """A function that renders n times."""

    def run(count: int) -> None:
        for _ in range(count):
            render()

    return run


def client_in_files(folder: Path, kind: str) -> None:
    """Write the samples as one more process would: prometheus_client names files by process id."""
    code = f"from benchmarks.exposition import full_client_registry as full; full({kind!r})"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def of_four(kind: str, folder: Path) -> dict[str, float]:
    """Milliseconds for the page of four workers with all samples each."""
    ours, theirs = folder / "ours", folder / "theirs"
    theirs.mkdir(parents=True)
    living = [full_registry(kind, workers=ours) for _ in range(4)]
    for _ in range(4):
        client_in_files(theirs, kind)
    other = CollectorRegistry()
    MultiProcessCollector(other, str(theirs))  # type: ignore[no-untyped-call]  # untyped there
    living[0].collect_text()  # makes the page's lines, once
    contenders = {
        "busysignal": repeat(Exposition(living[0]).render),
        "prometheus_client": repeat(partial(generate_latest, other)),
    }
    micros = rounds.medians(contenders, calls=1, rounds=9)
    return {name: median / 1e3 for name, median in micros.items()}


def bytes_per_child() -> dict[str, float]:
    """Bytes that one more histogram with all its buckets takes."""
    taken = {}
    for name, fill in (("busysignal", full_registry), ("prometheus_client", full_client_registry)):
        tracemalloc.start()
        kept = fill("histograms")
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        taken[name] = held / (SAMPLES // PER_HISTOGRAM)
        del kept
    return taken


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


async def asleep(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer nothing for a while: what the machine alone holds the event loop up."""
    await asyncio.sleep(0.1)


async def read() -> Message:
    """Hand over an empty body."""
    return {"type": "http.request"}


async def drop(message: Message) -> None:
    """Drop the page."""


def stalls(samples: int) -> dict[str, float]:
    """The stall of each contender's ASGI app over the same histograms; of none at all first."""
    mine = full_registry("histograms", samples)
    other = full_client_registry("histograms", samples)
    return {
        "nothing": asyncio.run(stall(asleep)),
        "busysignal": asyncio.run(stall(metrics_app(mine))),
        "prometheus_client": asyncio.run(stall(make_asgi_app(other))),
    }


def stalls_of_four(samples: int, folder: Path) -> dict[str, float]:
    """The stall of the worker that is scraped for all four; prometheus_client shares no such app.

    Its first page is left out: it makes the lines of every label set.
    """
    living = [full_registry("histograms", samples, folder) for _ in range(4)]
    living[0].collect_text()
    return {"busysignal": asyncio.run(stall(metrics_app(living[0])))}


def beside(taken: float | None, ours: float) -> str:
    """A figure beside ours, or a dash for what was not measured."""
    return "–" if taken is None else rounds.beside(taken, ours)


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    taken = {**measure(), STALL: stalls(SAMPLES), f"{STALL} at 50,000": stalls(50_000)}
    memory = SHARED if SHARED.is_dir() else None
    with TemporaryDirectory(dir=memory) as folder:
        taken[f"{STALL} at 50,000, four workers"] = stalls_of_four(50_000, Path(folder))
    for kind in KINDS:
        with TemporaryDirectory(dir=memory) as folder:
            taken[f"{kind} of four workers"] = of_four(kind, Path(folder))
    taken["bytes per histogram"] = bytes_per_child()
    rows = [
        (what, *(beside(took.get(name), took["busysignal"]) for name in NAMES))
        for what, took in taken.items()
    ]
    print(rounds.table((f"milliseconds per {SAMPLES:,} samples", *NAMES), rows))
    if options.json:
        rounds.write_json(options.json, {"unit": "milliseconds", "samples": SAMPLES, **taken})


if __name__ == "__main__":
    main()
