"""The `ecs` mapping mode: Elastic Common Schema, everything nested in one object.

As OpenTelemetry's exporter writes it, this shape tells neither how long a span took nor why it
failed: where the reader can take `otel`, prefer that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from opentelemetry.sdk.trace import Event, ReadableSpan

from exporters.telemetry.document import Line, LogEntry, Origin, iso
from exporters.telemetry.redact import Value
from exporters.telemetry.shapes.parts import Facts, facts, told, unambiguous

_RESOURCE: Mapping[str, str | None] = {
    "service.instance.id": "service.node.name",
    "deployment.environment": "service.environment",
    "deployment.environment.name": "service.environment",
    "telemetry.sdk.name": None,
    "telemetry.sdk.language": "service.language.name",
    "telemetry.sdk.version": "service.language.version",
    "telemetry.distro.name": None,
    "telemetry.distro.version": None,
    "cloud.platform": "cloud.service.name",
    "container.image.tags": "container.image.tag",
    "host.arch": "host.architecture",
    "process.parent_pid": "process.parent.pid",
    "process.executable.name": "process.title",
    "process.executable.path": "process.executable",
    "process.command_line": "process.args",
    "process.runtime.name": "service.runtime.name",
    "process.runtime.version": "service.runtime.version",
    "os.name": "host.os.name",
    "os.type": "host.os.platform",
    "os.description": "host.os.full",
    "os.version": "host.os.version",
    "k8s.deployment.name": "kubernetes.deployment.name",
    "k8s.namespace.name": "kubernetes.namespace",
    "k8s.node.name": "kubernetes.node.name",
    "k8s.pod.name": "kubernetes.pod.name",
    "k8s.pod.uid": "kubernetes.pod.uid",
    "k8s.job.name": "kubernetes.job.name",
    "k8s.cronjob.name": "kubernetes.cronjob.name",
    "k8s.statefulset.name": "kubernetes.statefulset.name",
    "k8s.replicaset.name": "kubernetes.replicaset.name",
    "k8s.daemonset.name": "kubernetes.daemonset.name",
    "k8s.container.name": "kubernetes.container.name",
    "k8s.cluster.name": "orchestrator.cluster.name",
}
"""OpenTelemetry's name to ECS's; None is left out. Names as in elasticsearchexporter v0.157.0."""
_SPAN: Mapping[str, str | None] = {
    "db.system": "span.db.type",
    "db.namespace": "span.db.instance",
    "db.query.text": "span.db.statement",
    "http.response.body.size": "http.response.encoded_body_size",
}
_LOG: Mapping[str, str | None] = {
    "event.name": "event.action",
    "exception.message": "error.message",
    "exception.stacktrace": "error.stacktrace",
    "exception.type": "error.type",
    "exception.escaped": "event.error.exception.handled",
    "http.response.body.size": "http.response.encoded_body_size",
}
_EVENT: Mapping[str, str | None] = {
    "exception.type": "error.exception.type",
    "exception.message": "error.exception.message",
    "exception.stacktrace": "error.stack_trace",
    "exception.escaped": None,
}
_NOT_IN_A_DATASET = re.compile(r'[-\\/*?"<>| ,#:]')


class EcsShape:
    """Writes the `ecs` shape; a span's events become log documents of their own."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tell = origin.redactor.attributes
        self._resource = _renamed(self._tell(origin.resource), _RESOURCE)
        if (host := self._resource.get("host.name")) is not None:
            self._resource.setdefault("host.hostname", host)
        service = str(origin.resource.get("service.name", ""))
        dataset = f"apm.app.{_NOT_IN_A_DATASET.sub('_', service.lower())}" if service else "apm.app"
        self._dataset = dataset[:100]

    def span(self, span: ReadableSpan, weight: float = 1.0) -> Iterable[Line]:
        """Yield the span's document, then one log document for each of its events."""
        known = facts(span, self._origin)
        if known is None:
            return
        scope = self._scope(span)
        attributes = told(span, self._origin, known.trace_state, weight)
        fields: dict[str, Any] = {
            **self._resource,
            **scope,
            **_renamed(attributes, _SPAN),
            **_stream(self._origin.stream("span")),
            "@timestamp": iso(known.start),
            "trace.id": known.trace_id,
            "span.id": known.span_id,
            "span.name": known.name,
            "span.kind": span.kind.name,
        }
        if known.parent_id:
            fields["parent.id"] = known.parent_id
        if known.status:
            fields["event.outcome"] = "success" if known.status == "Ok" else "failure"
        if span.links:
            fields["span.links"] = [
                {
                    "trace": {"id": f"{link.context.trace_id:032x}"},
                    "span": {"id": f"{link.context.span_id:016x}"},
                }
                for link in span.links
            ]
        identity = known.trace_id + known.span_id
        yield Line("span", self._origin.index("span", known.start), identity, _nested(fields))
        for number, event in enumerate(span.events):
            yield self._event(known, event, f"{identity}-{number}", scope)

    def _event(self, known: Facts, event: Event, identity: str, scope: Mapping[str, Value]) -> Line:
        attributes = self._tell(event.attributes)
        is_exception = event.name == "exception" and (
            "exception.type" in attributes or "exception.message" in attributes
        )
        stream = self._origin.stream("log")
        stream["dataset"] = "apm.error" if is_exception else self._dataset
        fields = {
            **self._resource,
            **scope,
            **_renamed(attributes, _EVENT),
            **_stream(stream),
            "@timestamp": iso(event.timestamp),
            "trace.id": known.trace_id,
        }
        if is_exception:
            fields["parent.id"] = known.span_id
        else:
            fields |= {
                "span.id": known.span_id, "event.kind": "event", "message": event.name,
            }  # fmt: skip
        return Line("log", self._origin.index("log", event.timestamp), identity, _nested(fields))

    def log(self, entry: LogEntry) -> Line:
        """Write one log record; as the exporter, without the logger's name."""
        fields = {
            **self._resource,
            **_renamed(self._tell(entry.attributes), _LOG),
            **_stream(self._origin.stream("log")),
            "@timestamp": iso(entry.ts_ns),
            "event.severity": entry.severity,
            "message": self._origin.redactor.clean(entry.body),
        }
        if entry.level:
            fields["log.level"] = entry.level
        if entry.trace_id and entry.span_id:
            fields |= {"trace.id": entry.trace_id, "span.id": entry.span_id}
        return Line("log", self._origin.index("log", entry.ts_ns), entry.id, _nested(fields))

    def _scope(self, span: ReadableSpan) -> dict[str, Value]:
        scope = span.instrumentation_scope
        return self._tell(scope.attributes) if scope is not None else {}


def _renamed(values: Mapping[str, Value], names: Mapping[str, str | None]) -> dict[str, Any]:
    new = ((names.get(key, key), value) for key, value in values.items())
    return {key: value for key, value in new if key is not None}


def _stream(stream: Mapping[str, str]) -> dict[str, str]:
    return {f"data_stream.{key}": value for key, value in stream.items()}


def _nested(fields: dict[str, Any]) -> bytes:
    document: dict[str, Any] = {}
    for path, value in unambiguous(fields).items():
        parents, name = _path(path)
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return orjson.dumps(document)


@lru_cache(maxsize=4096)
def _path(path: str) -> tuple[list[str], str]:
    *parents, name = path.split(".")
    return parents, name
