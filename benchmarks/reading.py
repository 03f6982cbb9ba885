"""A verdict's frames from a million spans and a million logs, and raw rows beside `helpers.scan`.

    python -m benchmarks.reading [--spans 1000000] [--logs 1000000] [--rounds 3] [--json FILE]
    python -m benchmarks.reading --keep FILE     # fill a server, write its URL, wait for Ctrl-C
    python -m benchmarks.reading --url URL       # measure on a server that was filled so

An Elasticsearch of two shards is started for it, filled once and thrown away. The client runs in a
process of its own, whose peak memory and CPU are its own alone; the server's CPU is what it says
of itself; wall time is that of the machine, both included. Of the interleaved rounds each figure
is the least one.

`verdict` is what a verdict reads: totals of all spans and logs per minute, summed in the cluster,
and at most 200,000 raw rows; `named` goes on to the verdict itself, as the command does. `raw` is
our pull of a sixth of the spans; `floor` asks for the same pages and drops their bytes undecoded:
what no client can go below. `scan` is elasticsearch-py's helper at its defaults, its documents
handed to `polars.DataFrame`, `scan_pandas` to pandas'; `scan_tuned` has pages of 5,000 and orjson;
`scan_flat` is `scan_tuned` with `polars.json_normalize`: a column for each field, as ours has.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

import httpx
import polars as pl
from elasticsearch import Elasticsearch, helpers
from elasticsearch.serializer import OrjsonSerializer
from msgspec import Raw

from analysis.collect import Sources, collect
from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.evidence import Alert, Window
from analysis.sources import ElasticsearchSection, ElasticsearchSource
from analysis.sources.page import Hits, Page, Place
from analysis.sources.shapes import Opened, Read, Reader
from benchmarks import _rounds as rounds
from benchmarks.reading_data import LOGS, SPANS, START_NS, fill
from demo.servers import RunFolder, start_elasticsearch

HOUR = 3_600 * 10**9
MINUTE = 60 * 10**9
RAW_ROWS = 200_000
CHILD = "--child"


def section(url: str) -> ElasticsearchSection:
    """Two slices: the machine has two cores, and the server needs them, too."""
    return ElasticsearchSection(url=url, traces_index=SPANS, logs_index=LOGS, timeout_seconds=60)


def verdict(url: str) -> int:
    """Totals of everything, and raw rows of the window, a matched baseline and the logs."""
    source = ElasticsearchSource(section(url))
    end = START_NS + HOUR
    tasks: list[Callable[[], pl.DataFrame]] = [
        lambda: source.span_totals(START_NS, end, MINUTE),
        lambda: source.spans(end - 10 * MINUTE, end, RAW_ROWS // 2),
        lambda: source.spans(end - 20 * MINUTE, end - 10 * MINUTE, RAW_ROWS // 4),
        lambda: source.logs(end - 10 * MINUTE, end, RAW_ROWS // 4),
        lambda: source.log_totals(START_NS, end, MINUTE),
    ]
    with ThreadPoolExecutor(3) as pool:
        totals, *raw, counts = pool.map(lambda task: task(), tasks)
    source.close()
    assert totals["spans"].sum(), "no spans were summed"
    assert counts["logs"].sum(), "no logs were counted"
    return sum(frame.height for frame in raw)


def named(url: str) -> int:
    """All the way: evidence from the hour's documents, and the verdict that is made of it."""
    source = ElasticsearchSource(section(url))
    end = START_NS + HOUR
    alert = Alert("BusySignalSlow", starts_ns=end - 5 * MINUTE, labels={"service": "gateway"})
    asked = AnalysisSection(span_limit=RAW_ROWS, budget_seconds=60, concurrency=3)
    window = Window(START_NS, end - 10 * MINUTE, end, MINUTE)
    evidence = collect(Sources(documents=source), asked, alert, window=window)
    source.close()
    assert diagnose(evidence, asked).id, "no verdict"
    frames = (evidence.spans_before, evidence.spans, evidence.logs_before, evidence.logs)
    assert all(frame.height for frame in frames), evidence.gaps
    return sum(frame.height for frame in frames)


def raw(url: str) -> int:
    """All spans of a part of the hour, as canonical rows."""
    source = ElasticsearchSource(section(url))
    frame = source.spans(START_NS, START_NS + 10 * MINUTE)
    source.close()
    return frame.height


def floor(url: str) -> int:
    """The same pages, dropped as they come."""
    read: list[int] = []

    def dropped(_: Reader, content: bytes, **__: object) -> Opened:
        rows = content.count(b'"_id":')
        read.append(rows)
        places = [Place()] * rows
        places[-1:] = [Place(sort=Raw(content[content.rindex(b'"sort":') + 7 : -4]))]
        page = Page(hits=Hits(places))
        return Opened(page, lambda: Read(page, pl.DataFrame(), Counter(), Counter()))

    with patch.object(Reader, "opened", dropped):
        source = ElasticsearchSource(section(url))
        with suppress(pl.exceptions.PolarsError):  # there is nothing to sort and cut
            source.spans(START_NS, START_NS + 10 * MINUTE)
        source.close()
    return sum(read)


def scan(url: str) -> int:
    """The helper's defaults: pages of 1,000 by scroll."""
    return pl.DataFrame(_scanned(url, 1_000), infer_schema_length=None).height


def scan_pandas(url: str) -> int:
    """The same into pandas."""
    return len(pandas().DataFrame(_scanned(url, 1_000)))


def scan_tuned(url: str) -> int:
    """Pages of 5,000, decoded by orjson."""
    documents = _scanned(url, 5_000, serializer=OrjsonSerializer())
    return pl.DataFrame(documents, infer_schema_length=None).height


def scan_flat(url: str) -> int:
    """A column for each field."""
    documents = _scanned(url, 5_000, serializer=OrjsonSerializer())
    return pl.json_normalize(documents, infer_schema_length=None).height


def _scanned(url: str, size: int, **options: Any) -> list[dict[str, Any]]:
    window = {"gte": START_NS // 10**6, "lt": (START_NS + 10 * MINUTE) // 10**6}
    query = {"query": {"range": {"@timestamp": {**window, "format": "epoch_millis"}}}}
    client = Elasticsearch(url, request_timeout=60, **options)
    hits: Iterable[dict[str, Any]] = helpers.scan(client, query=query, index=SPANS, size=size)
    found = [hit["_source"] for hit in hits]
    client.close()
    return found


CONTENDERS: dict[str, Callable[[str], int]] = {
    "verdict": verdict, "named": named, "floor": floor, "raw": raw, "scan": scan,
    "scan_pandas": scan_pandas, "scan_tuned": scan_tuned, "scan_flat": scan_flat,
}  # fmt: skip


def child(name: str, url: str) -> dict[str, float]:
    """One pull in this process: rows, seconds, and what it took of CPU and memory."""
    if name == "scan_pandas":
        pandas()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    served = server_cpu(url)
    began, cpu = time.perf_counter(), time.process_time()
    rows = CONTENDERS[name](url)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    return {
        "rows": rows,
        "wall": wall,
        "cpu": spent,
        "server_cpu": server_cpu(url) - served,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "start_mib": base,
    }


def pandas() -> Any:
    """The library, which only this peer needs."""
    return importlib.import_module("pandas")


def server_cpu(url: str) -> float:
    """CPU seconds of the server so far, by its own word, which it renews once a second."""
    time.sleep(1.1)
    path = f"{url}/_nodes/stats/process?filter_path=nodes.*.process.cpu.total_in_millis"
    nodes = httpx.get(path, timeout=60, trust_env=False).json()["nodes"]
    return sum(float(node["process"]["cpu"]["total_in_millis"]) for node in nodes.values()) / 1e3


def measure(url: str, names: Iterable[str], count: int) -> dict[str, dict[str, float]]:
    """The least of each figure of each contender, each run in a process of its own."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(count):
        for name in names:
            command = [sys.executable, "-m", "benchmarks.reading", CHILD, name, url]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            before = best.setdefault(name, found)
            best[name] = {key: min(value, before[key]) for key, value in found.items()}
    return best


def show(found: dict[str, dict[str, float]]) -> None:
    """The table, and how many times the helper's rate ours is."""
    rows: list[tuple[str, ...]] = [
        (name, f"{row['rows']:,.0f}", f"{row['wall']:.2f}", f"{row['rows'] / row['wall']:,.0f}",
         f"{row['cpu'] / row['rows'] * 1e6:.1f}", f"{row['server_cpu'] / row['rows'] * 1e6:.1f}",
         f"{row['peak_mib']:.0f}")
        for name, row in found.items()
    ]  # fmt: skip
    head = ("pull", "raw rows", "wall s", "rows/s", "client CPU us/row", "server CPU us/row",
            "peak MiB")  # fmt: skip
    print(rounds.table(head, rows))
    for name in (name for name in found if name.startswith("scan") and "raw" in found):
        beside = {
            key: found[name][key] / found[name]["rows"] * found["raw"]["rows"] / found["raw"][key]
            for key in ("wall", "cpu", "server_cpu")
        }
        print(
            f"raw is {beside['wall']:.1f} times {name}, with 1/{beside['cpu']:.1f} of the client's "
            f"CPU and 1/{beside['server_cpu']:.1f} of the server's"
        )


def main() -> None:
    """Start a server, fill it, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--logs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pulls", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--url")
    parser.add_argument("--keep", type=Path)
    parser.add_argument(CHILD, nargs=2, metavar=("NAME", "URL"))
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(*given.child)))
        return
    with filled(given.url, given.spans, given.logs) as url:
        if given.keep:
            given.keep.write_text(url, encoding="utf-8")
            with suppress(KeyboardInterrupt):
                Event().wait()
            return
        found = measure(url, given.pulls, given.rounds)
    show(found)
    if given.json:
        rounds.write_json(given.json, {"spans": given.spans, "logs": given.logs, "pulls": found})


@contextmanager
def filled(url: str | None, spans: int, logs: int) -> Iterator[str]:
    """The URL of a server that holds so much: the one that was named, or one of our own."""
    if url is not None:
        yield url
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        start_elasticsearch(RunFolder(Path(folder) / "run")) as server,
    ):
        began = time.perf_counter()
        fill(server.url, spans, logs)
        print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        yield server.url


if __name__ == "__main__":
    main()
