"""Spans a second: ours into Elasticsearch and into files, beside the SDK's own batch processor.

    python -m benchmarks.telemetry [--spans 50000] [--url http://127.0.0.1:9200] [--json FILE]

One process on one core. `accept_us` is the CPU of the thread that makes and ends a span: what a
request pays, the SDK's own share (`none`, no processor) in it. `total_us` is the CPU of the whole
process until all spans are in the store; `spans_per_second` is what one core of its own would
carry, the store's own work left out; `wall` is what this machine carried. The peer,
opentelemetry-sdk's BatchSpanProcessor, hands its batches to an exporter that throws them away:
it pays for no encoding and no write.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from benchmarks import _rounds as rounds
from exporters.telemetry import Telemetry, TelemetrySection, setup

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


def figures(count: int, accept: float, clock: Clock, kept: int) -> dict[str, float]:
    """Put one run's numbers into a row."""
    wall, cpu = clock.read()
    return {
        "accept_us": round(1e6 * accept / count, 2),
        "total_us": round(1e6 * cpu / count, 2),
        "spans_per_second": round(count / cpu),
        "wall": round(count / wall),
        "lost": count - kept,
    }


def ours(section: TelemetrySection, count: int) -> dict[str, float]:
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


def sdk(count: int) -> dict[str, float]:
    """Run through the SDK's batch processor."""
    exporter = NullExporter()
    processor = BatchSpanProcessor(exporter, max_queue_size=16_384, max_export_batch_size=1_000)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    queue = processor._batch_processor._queue  # noqa: SLF001 (it has no public measure)
    clock = Clock()
    cpu = make(provider.get_tracer("bench"), count, lambda: len(queue) > 8_192)
    provider.shutdown()
    return figures(count, cpu, clock, exporter.seen)


def bare(count: int) -> dict[str, float]:
    """Run with no processor: the price of a span itself."""
    clock = Clock()
    provider = TracerProvider(shutdown_on_exit=False)
    cpu = make(provider.get_tracer("bench"), count, lambda: False)
    return figures(count, cpu, clock, count)


def main() -> None:
    """Print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--url", help="an Elasticsearch; left out without")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        base = {"spool_dir": f"{folder}/spool", "store_dir": f"{folder}/store"}
        rows = {"none": bare(options.spans), "sdk_null": sdk(options.spans)}
        rows["store"] = ours(TelemetrySection(kind="store", **base), options.spans)
        if options.url:
            name = f"bench_{time.time_ns()}.otel"
            far = TelemetrySection(url=options.url, dataset=name, **base)
            rows["elasticsearch"] = ours(far, options.spans)
    for name, row in rows.items():
        share = row["spans_per_second"] / rows["sdk_null"]["spans_per_second"]
        row["ratio_to_sdk_null"] = round(share, 2)
        print(f"{name:14}", "  ".join(f"{key} {value:>10}" for key, value in row.items()))
    if options.json:
        rounds.write_json(options.json, {"benchmark": "telemetry", "summary": rows})


if __name__ == "__main__":
    main()
