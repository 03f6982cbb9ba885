"""A flood: 1,000 alert groups in a minute, Prometheus gone and `watch` killed in the middle.

    python -m benchmarks.watch [ALERTS]

Alertmanager is played by one sender that sends again what was not taken. Told are alerts lost and
answered twice, pages sent twice, how long a verdict took, and the most memory that was held.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from analysis.watch.ledger import Ledger
from benchmarks._rounds import table
from benchmarks._watch import Watch

SECONDS = 60.0
EMPTY = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'


@contextmanager
def _prometheus() -> Iterator[str]:
    """An API that has nothing to say, so that the flood measures `watch` alone."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(EMPTY)))
            self.end_headers()
            self.wfile.write(EMPTY)

        do_GET = do_POST  # noqa: N815  the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed is the point of it."""

    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


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


def flood(place: Path, alerts: int) -> dict[str, Any]:
    """Run it once; the figures by name."""
    started, peak = time.time(), 0
    with _prometheus() as url:
        watch = Watch(place, prometheus={"url": url}, watch={"backlog_limit": 10 * alerts})
        watch.start()
        began = time.monotonic()
        for number in range(alerts // 2):
            _send(watch, alert(number, started), began + number * SECONDS / alerts)
        peak = max(peak, _memory(watch))
        watch.kill()
        watch.start()
    for number in range(alerts // 2, alerts):
        _send(watch, alert(number, started), began + number * SECONDS / alerts)
    sent = time.monotonic() - began
    while len(watch.answered()) < min(alerts, 1000) and time.monotonic() - began < 1800:
        peak = max(peak, _memory(watch))
        time.sleep(0.5)
    took = time.monotonic() - began
    watch.kill()
    return {**_kept(place, alerts), "sent_seconds": sent, "seconds": took, "peak_bytes": peak}


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
        "twice": sum(told > 1 for _, _, told in rows),
    }


def main() -> None:
    """Print the figures as a table."""
    alerts = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as place:
        found = flood(Path(place), alerts)
    rows: list[tuple[str, ...]] = []
    for name, value in found.items():
        rows.append((name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"))
    print(table(("figure", "value"), rows))


if __name__ == "__main__":
    main()
