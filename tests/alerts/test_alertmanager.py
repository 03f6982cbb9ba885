from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from alerts.alertmanager_config import render
from alerts.config import Receivers, RulesSection

pytestmark = pytest.mark.servers


class Inbox:
    """A local receiver that keeps what it is sent, by path."""

    def __init__(self):
        inbox = self
        self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.received.append((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def names(self, path):
        return {
            alert["labels"]["alertname"]
            for where, group in list(self.received)
            if where == path
            for alert in group["alerts"]
        }

    def groups(self, path):
        return {group["groupKey"] for where, group in list(self.received) if where == path}


@pytest.fixture
def inbox():
    inbox = Inbox()
    thread = threading.Thread(target=inbox.server.serve_forever)
    thread.start()
    yield inbox
    inbox.server.shutdown()
    thread.join()
    inbox.server.server_close()


def alert(name, severity, **labels):
    return {"labels": {"alertname": name, "severity": severity, **labels}}


@pytest.fixture
def told(start_alertmanager, inbox, tmp_path):
    """An Alertmanager whose receivers are the inbox."""
    receivers = Receivers(
        pager_url=f"{inbox.url}/pager",
        watch_url=f"{inbox.url}/watch",
        quiet_url=f"{inbox.url}/quiet",
        deadman_url=f"{inbox.url}/deadman",
    )
    config = tmp_path / "alertmanager.yml"
    config.write_text(render(RulesSection(time_scale=60, receivers=receivers)), encoding="utf-8")
    return start_alertmanager(config)


def wait_until(inbox, holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, inbox.received
        time.sleep(0.1)


def silenced(server):
    alerts = httpx.get(f"{server.url}/api/v2/alerts", params={"active": "false"}).json()
    return {(a["labels"]["alertname"], a["labels"]["service"]) for a in alerts}


def test_an_incident_is_one_page_that_silences_its_warnings(told, inbox):
    httpx.post(
        f"{told.url}/api/v2/alerts",
        json=[
            alert("LatencyP99High", "page", service="chat", model="m"),
            alert("QueueDeep", "page", service="chat"),
            alert("QueueDeepWarning", "warning", service="chat"),
            alert("GpuDown", "page", service="other", gpu="0"),
            alert("LatencyP99High", "page", service="other", model="m"),
            alert("SignalMissing", "warning", signal="gpu:up"),
            alert("Watchdog", "info"),
        ],
    ).raise_for_status()
    wait_until(
        inbox,
        lambda: (
            len({path for path, _ in list(inbox.received)}) == 4
            and len(inbox.groups("/pager")) == 2
        ),
    )
    time.sleep(1)

    assert inbox.names("/pager") == {"LatencyP99High", "QueueDeep", "GpuDown"}
    assert inbox.names("/watch") == inbox.names("/pager")
    assert inbox.names("/quiet") == {"SignalMissing"}
    assert inbox.names("/deadman") == {"Watchdog"}
    assert len(inbox.groups("/pager")) == 2
    assert silenced(told) == {("QueueDeepWarning", "chat"), ("LatencyP99High", "other")}


def test_one_dead_gateway_of_three_silences_no_page_of_its_service(told, inbox):
    httpx.post(
        f"{told.url}/api/v2/alerts",
        json=[
            alert("TargetDown", "page", service="chat", job="gateway", instance="g1"),
            alert("AvailabilityBurnFast", "page", service="chat"),
            alert("LatencyP99High", "page", service="chat", model="m"),
            alert("SuccessLow", "warning", service="chat"),
        ],
    ).raise_for_status()
    wait_until(inbox, lambda: inbox.names("/pager"))
    time.sleep(1)

    assert inbox.names("/pager") == {"TargetDown", "AvailabilityBurnFast", "LatencyP99High"}
    assert len(inbox.groups("/pager")) == 1
    assert silenced(told) == {("SuccessLow", "chat")}
