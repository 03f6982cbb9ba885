"""The GPU exporter as a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from exporters import exposition
from exporters.errors import UsageError
from exporters.exposition import Source
from exporters.gpu.attribution import Attribution, Places
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml
from exporters.gpu.settings import DCGM_NAMES, Settings
from exporters.gpu.views.dcgm import DcgmView


def serve(settings: Settings, *, announce: Callable[[str], object] | None = None) -> None:
    """Serve /metrics until SIGINT or SIGTERM; `announce` is told the address.

    Raises ServerMissingError without a driver, or once it has gone for good; UsageError when the
    port is taken, or the web config or OTLP cannot be used.
    """
    stop = threading.Event()
    attribution = Attribution(Places(pod_resources=settings.pod_resources))
    with _reading(settings, attribution, stop) as exporter, _sending(settings, exporter):
        exposition.serve(
            _sources(settings, exporter, attribution),
            settings.host,
            settings.port,
            ready=exporter.is_fresh,
            announce=announce,
            web_config=settings.web_config,
            stop=stop,
        )
    if exporter.failure is not None:
        raise exporter.failure


@contextmanager
def _reading(
    settings: Settings, attribution: Attribution, stop: threading.Event
) -> Iterator[GpuExporter]:
    """The devices, read and attributed by threads of their own."""
    nvml = Nvml(settings.nvml_library)
    exporter = GpuExporter(
        nvml,
        interval_seconds=settings.interval_seconds,
        expected_devices=settings.expected_devices,
        on_failure=stop.set,
        after_pass=attribution.observe,
    )
    attribution.follow(exporter.snapshot)
    try:
        exporter.start()
        attribution.start()
        yield exporter
    finally:
        attribution.close()
        if exporter.close():
            nvml.close()


@contextmanager
def _sending(settings: Settings, exporter: GpuExporter) -> Iterator[None]:
    """The same snapshots over OTLP, where that is asked for."""
    if settings.otlp_url is None:
        yield
        return
    try:
        from exporters.gpu.views.otlp import OtlpSender  # noqa: PLC0415  17 MiB, where asked for
    except ModuleNotFoundError as error:
        raise UsageError(
            f"[gpu] otlp_url needs {error.name}, which is not installed; "
            "install busysignal[otlp], or leave otlp_url out"
        ) from None
    sender = OtlpSender(settings, exporter.snapshot)
    try:
        yield
    finally:
        sender.close()


def _sources(
    settings: Settings, exporter: GpuExporter, attribution: Attribution
) -> Sequence[Source]:
    if settings.names == DCGM_NAMES:
        return [DcgmView(exporter.snapshot, exporter.last_xids)]
    return [exporter, attribution]
