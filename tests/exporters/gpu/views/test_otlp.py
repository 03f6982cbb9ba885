"""The OpenTelemetry view, as a real receiver gets it over OTLP/HTTP."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from demo.device import ThrottleReason
from exporters.catalog.gpu import GPU_MEMORY_TOTAL
from exporters.errors import UsageError
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml
from exporters.gpu.settings import Settings
from exporters.gpu.snapshot import Snapshot
from exporters.gpu.views.otlp import OtlpSender, read_headers
from exporters.gpu.views.semconv import INSTRUMENTS, measure, state
from tests.devices import Machine, Scenario


class Receiver:
    """An OTLP/HTTP endpoint that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], ExportMetricsServiceRequest]] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                message = ExportMetricsServiceRequest.FromString(body)
                requests.append((self.path, dict(self.headers.items()), message))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/metrics"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while not self.requests and time.monotonic() < deadline:
            time.sleep(0.02)

    def metrics(self) -> dict[str, Any]:
        message = self.requests[0][2]
        return {
            metric.name: metric
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def snapshot(
    nvml_library: Path, scenario: Callable[..., Scenario]
) -> Iterator[Callable[..., Snapshot]]:
    opened: list[tuple[GpuExporter, Nvml]] = []

    def take(base: str, *lines: str) -> Snapshot:
        scenario(base, *lines)
        nvml = Nvml(nvml_library)
        exporter = GpuExporter(nvml)
        opened.append((exporter, nvml))
        return exporter.sample()

    yield take
    for exporter, nvml in opened:
        exporter.close()
        nvml.close()


def points(metric: Any) -> list[tuple[float, dict[str, str]]]:
    data = getattr(metric, metric.WhichOneof("data"))
    return [
        (
            point.as_double if point.HasField("as_double") else point.as_int,
            {one.key: one.value.string_value for one in point.attributes},
        )
        for point in data.data_points
    ]


def test_a_receiver_gets_what_the_conventions_name(
    receiver: Receiver, snapshot: Callable[..., Snapshot], tmp_path: Path
):
    seen = snapshot("h100")
    (tmp_path / "headers").write_text("Authorization: Bearer abc\n")
    settings = Settings(
        otlp_url=receiver.url,
        otlp_interval_seconds=0.1,
        otlp_headers_file=tmp_path / "headers",
    )
    sender = OtlpSender(settings, lambda: seen)
    receiver.wait()
    sender.close()

    path, headers, message = receiver.requests[0]
    found = receiver.metrics()
    resource = {
        one.key: one.value.string_value for one in message.resource_metrics[0].resource.attributes
    }
    assert (path, headers["authorization"]) == ("/v1/metrics", "Bearer abc")
    assert resource["service.name"] == "busysignal.gpu"
    assert found.keys() <= {one.name for one in INSTRUMENTS}
    assert len(found) == len(INSTRUMENTS)
    assert {one.name: one.unit for one in INSTRUMENTS} == {
        name: metric.unit for name, metric in found.items()
    }
    assert found["hw.gpu.utilization"].WhichOneof("data") == "gauge"
    assert found["hw.energy"].sum.is_monotonic
    assert not found["hw.gpu.memory.usage"].sum.is_monotonic

    device = seen.devices[0]
    memory = {
        attributes["hw.id"]: value for value, attributes in points(found["hw.gpu.memory.limit"])
    }
    assert memory[device.identity.uuid] == device.readings.value(GPU_MEMORY_TOTAL)
    tasks = {attributes["hw.gpu.task"] for _, attributes in points(found["hw.gpu.utilization"])}
    assert tasks == {"general", "encoder", "decoder"}
    attributes = points(found["hw.gpu.memory.limit"])[0][1]
    assert {"hw.id", "hw.name", "hw.model", "hw.vendor", "hw.driver_version"} <= attributes.keys()


def test_exactly_one_state_is_told_of_each_device(snapshot: Callable[..., Snapshot]):
    seen = snapshot("h100")
    statuses = [told for told in measure(seen) if told[0] == "hw.status"]

    assert len(statuses) == 4 * len(seen.devices)
    assert sum(value for _, value, _ in statuses) == len(seen.devices)
    assert {state(device) for device in seen.devices} == {"ok"}


def test_a_throttled_device_is_degraded_and_a_lost_one_has_failed(machine: Machine):
    nvml = Nvml(machine.library)
    exporter = GpuExporter(nvml)
    exporter.sample()
    machine.gpus[0].throttle(ThrottleReason.HW_THERMAL_SLOWDOWN, 0.4)
    machine.gpus[1].lose()
    seen = exporter.sample()
    exporter.close()
    nvml.close()

    assert [state(device) for device in seen.devices] == ["degraded", "failed"]
    of_lost = {told[0] for told in measure(seen) if told[2].get("hw.name") == "nvidia1"}
    assert of_lost <= {"hw.status"}


def test_a_receiver_that_is_not_there_holds_up_nothing(
    snapshot: Callable[..., Snapshot], caplog: pytest.LogCaptureFixture
):
    seen = snapshot("h100")
    settings = Settings(otlp_url="http://127.0.0.1:9/v1/metrics", otlp_interval_seconds=0.1)
    sender = OtlpSender(settings, lambda: seen)
    time.sleep(0.3)
    began = time.monotonic()

    sender.close()

    assert time.monotonic() - began < 4
    assert not [thread for thread in threading.enumerate() if "OtelPeriodic" in thread.name]


@pytest.mark.parametrize(
    ("text", "said"),
    [("Authorization\n", "line 1 is no header"), ("A: b\n: c\n", "line 2 is no header")],
)
def test_a_file_of_headers_that_is_none_is_told_without_its_secrets(
    tmp_path: Path, text: str, said: str
):
    path = tmp_path / "headers"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_headers(path)

    assert str(caught.value) == (
        f"[gpu] otlp_headers_file {path}: {said}; write it as `Name: value`"
    )


def test_a_file_of_headers_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        read_headers(tmp_path / "absent")
