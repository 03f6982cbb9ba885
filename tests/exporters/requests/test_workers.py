"""Four real workers under load, one killed in the middle, scraped by a real Prometheus."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx
import pytest

SERVICES = {
    "uvicorn and FastAPI": (
        "uvicorn", "--workers", "4", "--port", "{port}", "--log-level", "critical",
        "tests.exporters.requests.services.fastapi_service:app",
    ),
    "gunicorn and Flask": (
        "gunicorn", "--workers", "4", "--threads", "4", "--bind", "127.0.0.1:{port}",
        "--log-level", "critical", "tests.exporters.requests.services.flask_service:app",
    ),
    "gunicorn and Flask, loaded before the fork": (
        "gunicorn", "--preload", "--workers", "4", "--threads", "4", "--bind",
        "127.0.0.1:{port}", "--log-level", "critical",
        "tests.exporters.requests.services.flask_service:app",
    ),
}  # fmt: skip
PATHS = ("answer/7", "stream", "busy")
CLIENTS = 6
ANSWERS, SCRAPES = 100, 3
"""Before and after the kill, at least."""


class Service:
    def __init__(self, argv, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(word.format(port=self.port) for word in argv)],
            env={**os.environ, "WORKERS": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_for(lambda: self.value("busysignal_workers") >= 4, 40)

    def wait_for(self, condition, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                if condition():
                    return
            time.sleep(0.1)
        pytest.fail(f"waited {seconds} s in vain; {self.page()}")

    def page(self):
        text = httpx.get(f"{self.url}/metrics", follow_redirects=True, trust_env=False).text
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def value(self, name):
        return self.page().get(name, 0)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Clients:
    """Asks without a pause until `enough`, and notes what became of each request."""

    def __init__(self, url):
        self.url = url
        self.noted = Counter()
        self.workers = set()
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(CLIENTS)]
        self.lock = threading.Lock()

    def ask(self, number):
        with httpx.Client(trust_env=False, timeout=20) as client:
            while not self.enough.is_set():
                number += 1
                path = PATHS[number % len(PATHS)]
                try:
                    response = client.post(f"{self.url}/{path}", content=b"{}")
                    ending = str(response.status_code)
                except httpx.HTTPError:
                    ending = "broke off"
                else:
                    self.workers.add(int(response.headers.get("x-worker", 0)))
                with self.lock:
                    self.noted[ending] += 1


@pytest.fixture(params=SERVICES)
def service(request, tmp_path):
    service = None
    try:
        service = Service(SERVICES[request.param], tmp_path / "workers")
        yield service
    finally:
        if service is not None:
            service.stop()


def scraping(tmp_path, port):
    config = tmp_path / "prometheus.yml"
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [
                    {
                        "job_name": "service",
                        "metrics_path": "/metrics",
                        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                    }
                ],
            }
        )
    )
    return config


ENDED = 'llm_requests_total{{model="chat",outcome="{}",status="{}"}}'


@pytest.mark.servers
@pytest.mark.slow
def test_the_sum_is_the_clients_count_though_a_worker_is_killed(
    service, start_prometheus, tmp_path
):
    prometheus = start_prometheus(scraping(tmp_path, service.port))
    service.wait_for(lambda: series(prometheus, "up"))
    clients = Clients(service.url)
    for thread in clients.threads:
        thread.start()
    try:
        service.wait_for(lambda: clients.noted["200"] > ANSWERS, 60)
        service.wait_for(lambda: len(counts(prometheus)) > SCRAPES, 60)
        os.kill(max(clients.workers), signal.SIGKILL)
        service.wait_for(lambda: clients.noted["200"] > 2 * ANSWERS, 60)
        service.wait_for(lambda: len(counts(prometheus)) > 2 * SCRAPES, 60)
    finally:
        clients.enough.set()
        for thread in clients.threads:
            thread.join()

    service.wait_for(lambda: not service.value('llm_requests_in_flight{model="chat"}'))
    service.wait_for(lambda: service.value("busysignal_workers") >= 4)
    page, noted = service.page(), clients.noted
    assert page[ENDED.format("ok", "200")] == noted["200"]
    assert page[ENDED.format("rejected", "503")] == noted["503"]
    assert page["busysignal_workers_ended_total"] == 1
    lost = page['llm_requests_started_total{model="chat"}'] - noted["200"] - noted["503"]
    assert 0 <= lost <= noted["broke off"] <= CLIENTS

    service.wait_for(lambda: target(prometheus)["lastError"] == "")
    seen = series(prometheus, 'llm_requests_total{outcome=~"ok|rejected"}')
    seen += series(prometheus, "llm_request_duration_seconds_count")
    assert all(values == sorted(values) for values in seen)
    failed = series(prometheus, "up")[0].count(0)
    assert failed <= 2  # the scrape that met the killed worker, and one on a connection it kept


def counts(prometheus):
    """The different numbers of good answers that Prometheus has seen."""
    (seen,) = series(prometheus, 'llm_requests_total{outcome="ok",status="200"}') or [[]]
    return set(seen)


def target(prometheus):
    """What Prometheus says of its one target."""
    answer = httpx.get(f"{prometheus.url}/api/v1/targets", trust_env=False).json()
    return answer["data"]["activeTargets"][0]


def series(prometheus, selector):
    """Every sample of the last minutes, series by series."""
    answer = httpx.get(
        f"{prometheus.url}/api/v1/query", params={"query": f"{selector}[5m]"}, trust_env=False
    ).json()
    return [[float(value) for _, value in one["values"]] for one in answer["data"]["result"]]
