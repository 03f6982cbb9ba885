"""The OpenTelemetry view sent over OTLP/HTTP: the only module here that knows the SDK."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from exporters.errors import UsageError
from exporters.gpu.settings import Settings
from exporters.gpu.snapshot import Snapshot
from exporters.gpu.views import semconv

SCOPE: Final = "busysignal.gpu"
TIMEOUT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0


class OtlpSender:
    """Sends what the devices tell every `otlp_interval_seconds`, until closed."""

    def __init__(self, settings: Settings, snapshot: Callable[[], Snapshot]) -> None:
        self._exporter = OTLPMetricExporter(
            endpoint=settings.otlp_url,
            headers=read_headers(settings.otlp_headers_file),
            timeout=TIMEOUT_SECONDS,
        )
        reader = PeriodicExportingMetricReader(
            self._exporter,
            export_interval_millis=settings.otlp_interval_seconds * 1000,
            export_timeout_millis=TIMEOUT_SECONDS * 1000,
        )
        resource = Resource.create({"service.name": SCOPE, "host.name": socket.gethostname()})
        self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._observe(snapshot)

    def close(self) -> None:
        """Send once more and stop; a receiver that does not answer is not waited for long.

        The last attempt is then broken off, so no thread outlives its sender.
        """
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)
        if ending.is_alive():
            self._exporter.shutdown()
            ending.join(CLOSE_SECONDS)

    def _observe(self, snapshot: Callable[[], Snapshot]) -> None:
        meter = self._provider.get_meter(SCOPE)
        makers: dict[semconv.Kind, Callable[..., Any]] = {
            "counter": meter.create_observable_counter,
            "updowncounter": meter.create_observable_up_down_counter,
            "gauge": meter.create_observable_gauge,
        }
        for one in semconv.INSTRUMENTS:
            read = _reader(one.name, snapshot)
            makers[one.kind](one.name, [read], unit=one.unit, description=one.description)


def _reader(
    name: str, snapshot: Callable[[], Snapshot]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(options: CallbackOptions) -> Iterable[Observation]:
        for instrument, value, attributes in semconv.measure(snapshot()):
            if instrument == name:
                yield Observation(value, attributes)

    return read


def read_headers(path: Path | None) -> dict[str, str]:
    """The headers in a file of `Name: value` lines; their values are never printed.

    Raises UsageError naming the file and the line.
    """
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"[gpu] otlp_headers_file {path} cannot be read: {reason}; "
            "name a file this user may read"
        ) from None
    headers = {}
    for number, line in enumerate(lines, start=1):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise UsageError(
                f"[gpu] otlp_headers_file {path}: line {number} is no header; "
                "write it as `Name: value`"
            )
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers
