"""Spans a second: ours into Elasticsearch and into files, beside the SDK's own batch processor.

    python -m benchmarks.telemetry [--spans 30000] [--rounds 3] [--url URL] [--json FILE]

Without --url an Elasticsearch is started for it, where one is installed.

One process on one core; of the interleaved rounds each row is the one that took the least CPU.
`accept_us` is the CPU of the thread that makes and ends a span: what a request pays, the SDK's own
share (`none`, no processor) in it. `total_us` is the CPU of the whole process until all spans are
in the store; `spans_per_second` is what one core of its own would carry, the store's own work left
out; `wall` is what this machine carried.

The peer, opentelemetry-sdk's BatchSpanProcessor, hands its batches to an exporter that throws them
away: it pays for no encoding and no write. `sdk_otlp` is the same with its OTLP exporter, to a
server that says yes to everything; `otlp` is ours to that server.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from benchmarks import _rounds as rounds
from benchmarks.telemetry_requests import otlp_exporter, yes
from demo.servers import RunFolder, start_elasticsearch
from exporters.errors import ServerMissingError
from exporters.telemetry import Telemetry, TelemetrySection, setup

Row = dict[str, float]
WRITTEN = 'busysignal_telemetry_written_total{kind="span"}'


class NullExporter(SpanExporter):
    """Counts spans and throws them away."""

    def __init__(self) -> None:
        self.seen = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.seen += len(spans)
        return SpanExportResult.SUCCESS


def make(tracer: Tracer, count: int, behind: Callable[[], bool]) -> float:
    """Make spans as fast as the queue drains; return the seconds of CPU of this thread."""
    cpu = 0.0
    for start in range(0, count, 500):
        began = time.thread_time()
        for number in range(start, min(count, start + 500)):
            with tracer.start_as_current_span("decode") as span:
                span.set_attribute("gen_ai.request.model", "tiny")
                span.set_attribute("gen_ai.usage.output_tokens", number)
                span.set_attribute("http.response.status_code", 200)
        cpu += time.thread_time() - began
        while behind():
            time.sleep(0.001)
    return cpu


class Clock:
    """Wall time and the CPU time of the process since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def figures(count: int, accept: float, clock: Clock, kept: int) -> Row:
    """Put one run's numbers into a row."""
    wall, cpu = clock.read()
    return {
        "accept_us": round(1e6 * accept / count, 2),
        "total_us": round(1e6 * cpu / count, 2),
        "spans_per_second": round(count / cpu),
        "wall": round(count / wall),
        "lost": count - kept,
    }


def ours(section: TelemetrySection, count: int) -> Row:
    """Run through our own queue and writer."""
    telemetry = setup(section, service_name="bench", instance="1", version="0")
    clock = Clock()
    cpu = make(telemetry.tracer, count, lambda: telemetry.waiting > section.queue_size // 2)
    telemetry.flush(120)
    row = figures(count, cpu, clock, written(telemetry))
    telemetry.shutdown()
    return row


def written(telemetry: Telemetry) -> int:
    """Read the counter of acknowledged spans."""
    lines = telemetry.collect_text().splitlines()
    return int(next(float(line.split()[-1]) for line in lines if line.startswith(WRITTEN)))


def sdk(count: int, exporter: SpanExporter) -> Row:
    """Run through the SDK's batch processor."""
    processor = BatchSpanProcessor(exporter, max_queue_size=16_384, max_export_batch_size=1_000)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    queue = processor._batch_processor._queue  # noqa: SLF001 (it has no public measure)
    clock = Clock()
    cpu = make(provider.get_tracer("bench"), count, lambda: len(queue) > 8_192)
    provider.shutdown()
    return figures(count, cpu, clock, getattr(exporter, "seen", count))


def bare(count: int) -> Row:
    """Run with no processor: the price of a span itself."""
    clock = Clock()
    provider = TracerProvider(shutdown_on_exit=False)
    cpu = make(provider.get_tracer("bench"), count, lambda: False)
    return figures(count, cpu, clock, count)


def elasticsearch(stack: ExitStack, folder: Path) -> str | None:
    """Start an Elasticsearch for as long as the stack is open; None where none is installed."""
    try:
        server = start_elasticsearch(RunFolder.create(folder))
    except ServerMissingError as error:
        print(f"without Elasticsearch: {error}")
        return None
    return stack.enter_context(server).url


def measure(count: int, url: str | None, collector: str, folder: str) -> dict[str, Row]:
    """Run every contender once, with as many spans each."""
    base = {"spool_dir": f"{folder}/spool", "store_dir": f"{folder}/store"}
    rows = {"none": bare(count), "sdk_null": sdk(count, NullExporter())}
    if (exporter := otlp_exporter(collector)) is not None:
        rows["sdk_otlp"] = sdk(count, exporter)
    rows["otlp"] = ours(TelemetrySection(kind="otlp", url=collector, **base), count)
    rows["store"] = ours(TelemetrySection(kind="store", **base), count)
    for shape in ("otel", "ecs", "raw") if url else ():
        name = f"bench_{time.time_ns()}"
        section = {"url": url, "dataset": name, "shape": shape, **base}
        rows[f"elasticsearch_{shape}"] = ours(TelemetrySection.model_validate(section), count)
    return rows


def main() -> None:
    """Print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="an Elasticsearch; left out without")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = options.url or elasticsearch(stack, Path(folder))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        collector = stack.enter_context(yes())
        tables = [measure(options.spans, url, collector, folder) for _ in range(options.rounds)]
    rows = {
        name: min((table[name] for table in tables), key=lambda row: row["total_us"])
        for name in tables[0]
    }
    for name, row in rows.items():
        share = row["spans_per_second"] / rows["sdk_null"]["spans_per_second"]
        row["ratio_to_sdk_null"] = round(share, 2)
        print(f"{name:14}", "  ".join(f"{key} {value:>10}" for key, value in row.items()))
    if options.json:
        rounds.write_json(options.json, {"benchmark": "telemetry", "summary": rows})


if __name__ == "__main__":
    main()
