"""A real OpenTelemetry Collector that writes into an Elasticsearch, one mapping mode at a time."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from demo.servers import RunFolder
from demo.servers.process import Command

BUILD = Path(__file__).parents[1] / "deploy" / "build_otelcol.sh"
CONFIG = """\
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  elasticsearch:
    endpoints: ["{elasticsearch}"]
    mapping: {{allowed_modes: [{mode}]}}
    sending_queue: {{batch: {{flush_timeout: 50ms}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [elasticsearch]}}
    logs: {{receivers: [otlp], exporters: [elasticsearch]}}
"""


def binary() -> Path:
    """Where the built collector is; skips with what to run where it is not."""
    found = subprocess.run([BUILD, "--where"], capture_output=True, text=True, check=True)
    if not found.stdout:
        pytest.skip("no OpenTelemetry Collector is built here; run deploy/build_otelcol.sh")
    return Path(found.stdout.strip())


@contextmanager
def collector(run: RunFolder, elasticsearch: str, mode: str) -> Iterator[str]:
    """Start one; yields where it takes OTLP over HTTP."""
    program = binary()
    port = run.free_port()
    with as_plain_indices(elasticsearch) as target:
        config = run.folder("otelcol") / "config.yaml"
        config.write_text(CONFIG.format(port=port, elasticsearch=target, mode=mode))
        argv = [str(program), "--config", str(config)]
        process = Command(name="otelcol", argv=argv, log=run.log("otelcol")).start()
        try:
            wait_for(port, process.log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stop()


def wait_for(port: int, log: Path) -> None:
    for _ in range(200):
        try:
            httpx.post(f"http://127.0.0.1:{port}/v1/traces", json={}, timeout=1, trust_env=False)
        except httpx.HTTPError:
            threading.Event().wait(0.05)
        else:
            return
    pytest.fail(f"the collector does not start: {log.read_text()[-2000:]}")


@contextmanager
def as_plain_indices(elasticsearch: str) -> Iterator[str]:
    """Pass bulk requests on, but for the demand of a data stream: a minimal server has none."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.target = elasticsearch  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        answer = httpx.post(
            self.server.target + self.path,  # type: ignore[attr-defined]
            content=body.replace(b',"require_data_stream":true', b""),
            headers={"content-type": self.headers["content-type"]},
            timeout=30,
            trust_env=False,
        )
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers.get("content-type", "application/json"))
        self.send_header("content-length", str(len(answer.content)))
        self.send_header("x-elastic-product", "Elasticsearch")
        self.end_headers()
        self.wfile.write(answer.content)

    def do_GET(self) -> None:
        body = json.dumps({"version": {"number": "8.19.16"}, "tagline": "You Know, for Search"})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-elastic-product", "Elasticsearch")
        self.end_headers()
        self.wfile.write(body.encode())

    do_HEAD = do_GET  # noqa: N815 (http.server names them so)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        pass
