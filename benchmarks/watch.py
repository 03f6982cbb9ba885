"""A flood: 1,000 alert groups in a minute, its sources gone and `watch` killed in the middle.

    python -m benchmarks.watch [ALERTS] [--json FILE]

Alertmanager is played by one sender that sends again what was not taken. Half-way, Prometheus and
Elasticsearch go away for good, and `watch` is killed and begun again. Told are alerts lost and
answered twice, pages that came twice, how long it took, and the most memory that was held.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from analysis.watch.ledger import Ledger
from benchmarks._rounds import table, write_json
from benchmarks._watch import Watch

SECONDS = 60.0
PATIENCE = 3600.0
WAITING = (
    "SELECT (SELECT count(*) FROM incidents WHERE state = 'waiting') "
    "+ (SELECT count(*) FROM deliveries)"
)
EMPTY = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'


@contextmanager
def server(answer: bytes, keep: list[bytes] | None = None) -> Iterator[str]:
    """An API that answers all with `answer`, and keeps what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if keep is not None:
                keep.append(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815  the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed is the point of it."""

    found = Quiet(("127.0.0.1", 0), Handler)
    found.daemon_threads, found.block_on_close = True, False
    threading.Thread(target=found.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        found.server_close()


def alert(number: int, started: float) -> dict[str, Any]:
    """One group as Alertmanager 0.25 posts it."""
    labels = {"alertname": f"Alert{number}", "service": "chat", "severity": "page"}
    one = {
        "status": "firing", "labels": labels, "annotations": {}, "fingerprint": f"{number:016x}",
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
    }  # fmt: skip
    return {
        "version": "4", "groupKey": f'{{}}:{{alertname="Alert{number}"}}', "status": "firing",
        "commonLabels": labels, "commonAnnotations": {"summary": "Requests are slow."},
        "alerts": [one],
    }  # fmt: skip


def flood(place: Path, alerts: int, seconds: float = SECONDS) -> dict[str, Any]:
    """Run it once; the figures by name."""
    pages: list[bytes] = []
    started, peak = time.time(), 0
    with server(b"{}", pages) as pager, ExitStack() as sources:
        watch = Watch(
            place,
            prometheus={"url": sources.enter_context(server(EMPTY))},
            telemetry={"kind": "elasticsearch"},
            elasticsearch={"url": sources.enter_context(server(b"{}"))},
            watch={"backlog_limit": 10 * alerts, "pager_url": pager},
        )
        watch.start()
        began = time.monotonic()
        try:
            for number in range(alerts):
                if number == alerts // 2:
                    peak = _memory(watch)
                    sources.close()
                    watch.kill()
                    watch.start()
                _send(watch, alert(number, started), began + number * seconds / alerts)
            sent = time.monotonic() - began
            while _open(watch) and time.monotonic() - began < PATIENCE:
                peak = max(peak, _memory(watch))
                time.sleep(1.0)
            took = time.monotonic() - began
        finally:
            watch.kill()
    found = {**_kept(place, alerts), **_told(pages, alerts)}
    return {**found, "sent_seconds": sent, "seconds": took, "peak_bytes": peak}


def _open(watch: Watch) -> bool:
    """Whether an alert waits for its verdict, or a page for its receiver."""
    ledger = sqlite3.connect(f"file:{watch.place}/watch.sqlite?mode=ro", uri=True)
    try:
        (waiting,) = ledger.execute(WAITING).fetchone()
        return bool(waiting)
    finally:
        ledger.close()


def _send(watch: Watch, body: dict[str, Any], due: float) -> None:
    time.sleep(max(0.0, due - time.monotonic()))
    while not watch.post(body):
        time.sleep(0.2)


def _memory(watch: Watch) -> int:
    assert watch.process is not None
    return int(psutil.Process(watch.process.pid).memory_info().rss)


def _kept(place: Path, alerts: int) -> dict[str, Any]:
    ledger = Ledger(place / "watch.sqlite")
    rows = ledger.store.read(
        "SELECT i.key, count(v.id), i.told FROM incidents i "
        "LEFT JOIN verdicts v ON v.incident = i.key GROUP BY i.key"
    )
    ledger.close()
    answered = sum(count > 0 for _, count, _ in rows)
    return {
        "alerts": alerts,
        "lost": alerts - len(rows),
        "unanswered": len(rows) - answered,
        "answered_twice": sum(told > 1 for _, _, told in rows),
    }


def _told(pages: list[bytes], alerts: int) -> dict[str, int]:
    """Pages by incident: a kill between a page's arrival and its note sends that one again."""
    came = Counter(json.loads(body)["incident"] for body in pages)
    return {"never_paged": alerts - len(came), "paged_twice": sum(n > 1 for n in came.values())}


def main(arguments: list[str]) -> int:
    """Print the figures as a table; exit status 1 where an alert was lost or answered twice."""
    parser = argparse.ArgumentParser(prog="benchmarks.watch")
    parser.add_argument("alerts", type=int, nargs="?", default=1000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        found = flood(Path(place), asked.alerts)
    rows: list[tuple[str, ...]] = []
    for name, value in found.items():
        rows.append((name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"))
    print(table(("figure", "value"), rows))
    if asked.json:
        write_json(asked.json, found)
    wrong = ("lost", "unanswered", "answered_twice", "never_paged")
    return int(any(found[name] for name in wrong) or found["paged_twice"] > 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
