from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("gevent", reason="locust is not installed; pip install 'busysignal[load]'")

LOCUSTFILE = Path(__file__).parents[2] / "docs" / "load" / "locustfile.py"
ASKED: list[dict[str, object]] = []


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        ASKED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        busy = len(ASKED) % 5 == 0
        answer = b"" if busy else b'data: {"choices": []}\n\n' * 3 + b"data: [DONE]\n\n"
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        with suppress(OSError):  # the load may end in the middle of an answer
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.slow
def test_the_load_file_asks_streams_and_names_refusals_busy(tmp_path: Path):
    ASKED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    done = subprocess.run(
        [
            sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "-u", "4",
            "-r", "4", "-t", "3s", "--host", f"http://127.0.0.1:{server.server_port}",
            "--csv", str(tmp_path / "load"), "--exit-code-on-error", "0",
        ],
        env={**os.environ, "THINK_SECONDS": "0.2", "MODEL": "tiny", "SHAPE": "burst"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    server.shutdown()
    server.server_close()
    rows = (tmp_path / "load_stats.csv").read_text()
    failures = (tmp_path / "load_failures.csv").read_text()

    assert done.returncode == 0, done.stderr
    assert ASKED[0]["model"] == "tiny"
    assert ASKED[0]["stream"] is True
    assert "SSE,first token," in rows
    assert "SSE,answer," in rows
    assert "busy: 503, Retry-After 7" in failures
