"""Wire a process: a tracer, a logging handler, one writer thread."""

from __future__ import annotations

import logging
import os
import random
import re
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from exporters.errors import UsageError
from exporters.exposition import Registry
from exporters.telemetry.collector import OtlpSink
from exporters.telemetry.document import Origin
from exporters.telemetry.elasticsearch import ElasticsearchSink
from exporters.telemetry.harmless import harmless
from exporters.telemetry.head import sampler
from exporters.telemetry.logs import REQUEST_ID, TelemetryHandler
from exporters.telemetry.outlet import Outlet
from exporters.telemetry.redact import MAX_TEXT, Redactor
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.shapes import shape
from exporters.telemetry.sink import Sink
from exporters.telemetry.spool import Spool
from exporters.telemetry.store import StoreSink
from exporters.telemetry.tally import Tally
from exporters.telemetry.writer import Writer


class OwnIds(RandomIdGenerator):
    """Random ids, as OpenTelemetry's own, which draws them from the global random.

    Not from the system's chance either: asking the kernel costs a tenth of what a span may.
    """

    def __init__(self) -> None:
        self._chance = random.Random()
        os.register_at_fork(after_in_child=self._chance.seed)

    def generate_span_id(self) -> int:
        return self._chance.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._chance.getrandbits(128) or 1


class QueueProcessor(SpanProcessor):
    """Hands each finished span on as it is; the writer's thread does the work."""

    def __init__(self, put: Callable[[ReadableSpan], None]) -> None:
        self._put = put

    @harmless
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if request_id := REQUEST_ID.get():
            span.set_attribute("request_id", request_id)

    def on_end(self, span: ReadableSpan) -> None:
        self._put(span)


class Telemetry:
    """One process's spans and logs on their way out. A source of metrics, too."""

    def __init__(
        self,
        provider: TracerProvider,
        registry: Registry,
        outlet: Outlet | None = None,
        handler: TelemetryHandler | None = None,
    ) -> None:
        self.provider = provider
        self.tracer: trace.Tracer = provider.get_tracer("busysignal")
        self._registry = registry
        self._outlet = outlet
        self._handler = handler
        self._root_level = logging.getLogger().level
        if outlet is not None:
            _after_fork(self)

    def install(self) -> None:
        """Take every record of the root logger that is at or above the handler's level."""
        if self._handler is not None:
            root = logging.getLogger()
            root.addHandler(self._handler)
            root.setLevel(min(root.level, self._handler.level))
            # httpx tells of each request; those of the writer are no news on anybody's console.
            logging.getLogger("httpx").addFilter(self._handler.heeds)

    @property
    def waiting(self) -> int:
        """The spans and logs in the queue."""
        writer = self._writer
        return len(writer.queue) if writer else 0

    def flush(self, seconds: float = 10.0) -> bool:
        """Wait until all that ended so far is in the store; False if some still waits."""
        writer = self._writer
        return writer.flush(seconds) if writer else True

    def shutdown(self) -> None:
        """Write, or leave in the spool for the next start, all that was taken; then stop."""
        if self._handler is not None:
            root = logging.getLogger()
            root.removeHandler(self._handler)
            root.setLevel(self._root_level)
            logging.getLogger("httpx").removeFilter(self._handler.heeds)
            self._handler = None
        self.provider.shutdown()
        writer = self._writer
        if writer is not None:
            writer.close()

    def begin_again(self) -> None:
        """In a forked child: write what is told from now on, and nothing of the parent's."""
        if self._handler is not None:
            self._handler.begin_again()
        if self._outlet is not None:
            self._outlet.begin_again()

    @property
    def _writer(self) -> Writer | None:
        writer = self._outlet.writer if self._outlet is not None else None
        return None if writer is None or writer.is_closing else writer

    def collect_text(self) -> str:
        """Write `busysignal_telemetry_*` as Prometheus text."""
        return self._registry.collect_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        self.shutdown()


def setup(
    section: TelemetrySection,
    *,
    service_name: str,
    instance: str,
    version: str,
    registry: Registry | None = None,
    resource: dict[str, str] | None = None,
) -> Telemetry:
    """Start sending this process's spans and logs to where `section` says.

    Returns at once, also while the server is away. `resource` adds attributes that tell where
    the process runs (`k8s.pod.name`, `k8s.node.name`, ...). Raises UsageError on credentials
    that cannot be read. The counters go to `registry`, or to one of its own that
    `Telemetry.collect_text` renders. Call `shutdown()` at the end, or use it as a context manager.
    Processes forked later (`gunicorn --preload`) write by themselves.
    """
    attributes = {
        "service.name": service_name,
        "service.version": version,
        "service.instance.id": instance,
        **(resource or {}),
    }
    provider = TracerProvider(
        resource=Resource(attributes),
        sampler=sampler(section.sample_ratio),
        id_generator=OwnIds(),
        span_limits=SpanLimits(max_attribute_length=MAX_TEXT),
        shutdown_on_exit=False,
    )
    own = registry or Registry()
    if section.kind == "none":
        return Telemetry(provider, own)
    name = re.sub(r"[^A-Za-z0-9_.]", "_", f"{service_name}-{instance}")
    tally = Tally(own)

    def begin() -> Writer:
        spool = Spool(_spool_dir(section) / name, section.spool_bytes)
        form = shape("otlp" if section.kind == "otlp" else section.shape, origin)
        try:
            sink = _sink(section, spool.folder.name)
        except UsageError:
            spool.close()
            raise
        writer = Writer(section, form, sink, spool, tally)
        writer.start()
        handler.silent.add(writer.thread.ident)
        return writer

    origin = _origin(section, attributes)
    outlet = Outlet(begin)
    handler = TelemetryHandler(
        outlet.put, section.log_level, on_failure=partial(tally.drop, "log", "poison")
    )
    provider.add_span_processor(QueueProcessor(outlet.put))
    outlet.begin()
    telemetry = Telemetry(provider, own, outlet, handler)
    telemetry.install()
    return telemetry


def _after_fork(telemetry: Telemetry) -> None:
    this = weakref.ref(telemetry)

    def begin_again() -> None:
        found = this()
        if found is not None:
            found.begin_again()

    os.register_at_fork(after_in_child=begin_again)


def _origin(section: TelemetrySection, resource: dict[str, str]) -> Origin:
    redactor = Redactor(content=section.content, patterns=section.redact)
    return Origin(resource, section.stream, redactor=redactor)


def _spool_dir(section: TelemetrySection) -> Path:
    """Where processes of the same destination leave what waits; one may take over from another."""
    folder = section.spool_dir.expanduser()
    return folder / "otlp" if section.kind == "otlp" else folder


def _sink(section: TelemetrySection, name: str) -> Sink:
    if section.kind == "store":
        return StoreSink(section, name)
    return OtlpSink(section) if section.kind == "otlp" else ElasticsearchSink(section)
