"""Rounds are left out while the service is saturated, if the operator asks for that."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from inference_probe.config import PauseSection
from inference_probe.pause import Pause
from inference_probe.state import Reading
from tests.inference_probe.fakes import FakeDevice, probe_on

WAITING = "vllm:num_requests_waiting"


class Service:
    """A real server that answers as an engine's metrics page and as Prometheus."""

    def __init__(self) -> None:
        self.waiting: list[float] = [0.0]
        self.status = 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                prometheus = self.path.startswith("/api/v1/query?query=")
                body = service.answer() if prometheus else service.page()
                self.send_response(service.status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self) -> str:
        lines = [f'{WAITING}{{engine="{at}"}} {one}' for at, one in enumerate(self.waiting)]
        return "\n".join([f"# TYPE {WAITING} gauge", *lines, ""])

    def answer(self) -> str:
        result = [{"metric": {}, "value": [0, str(one)]} for one in self.waiting]
        return json.dumps({"status": "success", "data": {"result": result}})


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


def test_by_default_nothing_is_asked_and_nothing_left_out() -> None:
    assert Pause(PauseSection()).reason(Reading(utilization=1.0)) is None


@pytest.mark.parametrize("path", ["/metrics", ""])
def test_a_queue_in_the_service_holds_the_probe_back(service: Service, path: str) -> None:
    pause = Pause(PauseSection(url=service.url + path, above=5.0))
    before = pause.reason(Reading())
    service.waiting = [6.0, 0.0]

    assert before is None
    assert pause.reason(Reading()) == "saturated"


def test_queues_of_one_page_are_added(service: Service) -> None:
    pause = Pause(PauseSection(url=f"{service.url}/metrics", above=5.0))
    service.waiting = [3.0, 3.0]

    assert pause.reason(Reading()) == "saturated"


def test_who_cannot_be_asked_does_not_hold_the_probe_back(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.status = 500
    pause = Pause(PauseSection(url=service.url))

    with caplog.at_level(logging.WARNING):
        assert pause.reason(Reading()) is None
    assert "does not say whether the service is saturated" in caplog.text


def test_a_page_without_the_series_does_not_hold_the_probe_back(service: Service) -> None:
    pause = Pause(PauseSection(url=f"{service.url}/metrics", query="absent", above=-1.0))

    assert pause.reason(Reading()) is None


def test_a_device_in_use_is_left_alone_above_its_limit() -> None:
    pause = Pause(PauseSection(above_utilization=0.9))

    assert pause.reason(Reading(utilization=0.95)) == "utilization"
    assert pause.reason(Reading(utilization=0.85)) is None
    assert pause.reason(Reading(utilization=None)) is None


def test_rounds_left_out_are_counted_by_reason_and_touch_no_kernel(tmp_path: Path) -> None:
    device = FakeDevice()
    probe = probe_on(device, tmp_path, hold_back=lambda _: "saturated")
    before = len(device.launches)

    for _ in range(3):
        assert probe.round() == 0.0

    assert probe.report().skipped == {"saturated": 3}
    assert probe.report().kernels == []
    assert len(device.launches) == before


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValidationError, match="url"):
        PauseSection(url="localhost:9090")
