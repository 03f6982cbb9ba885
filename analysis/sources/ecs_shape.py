"""Where documents of the `ecs` mapping mode keep what: Elastic Common Schema's names.

The mode has no duration; `event.duration` is what other writers of this schema add.
"""

from __future__ import annotations

from analysis.sources.mapped import Fields
from analysis.sources.values import HTTP_STATUS, MODELS, REQUEST_IDS, WEIGHT

MARKS = frozenset({
    "trace", "span", "log", "message", "event", "error", "trace.id", "span.id", "log.level",
})  # fmt: skip

_SHARED = {
    "trace_id": ("trace.id",),
    "service": ("service.name",),
    "request_id": REQUEST_IDS,
    "pod": ("kubernetes.pod.name",),
    "node": ("kubernetes.node.name", "host.name", "host.hostname"),
}
_SPAN = {
    **_SHARED,
    "span_id": ("span.id",),
    "parent_id": ("parent.id",),
    "operation": ("span.name",),
    "kind": ("span.kind",),
    "status": ("event.outcome",),
    "http_status": HTTP_STATUS,
    "container": ("container.id",),
    "model": MODELS,
    "weight": (WEIGHT,),
}
_LOG = {
    **_SHARED,
    "span_id": ("span.id", "parent.id"),
    "severity": ("event.severity",),
    "level": ("log.level",),
    "body": ("message", "error.message", "error.exception.message"),
    "logger": ("log.logger",),
    "exception_type": ("error.type", "error.exception.type"),
    "stacktrace": ("error.stack_trace", "error.stacktrace"),
}
_TAKEN = {name for names in (*_SPAN.values(), *_LOG.values()) for name in names} - {
    *REQUEST_IDS, *HTTP_STATUS, *MODELS, WEIGHT, "error.type", "error.message",
}  # fmt: skip


def _attribute(key: str) -> str | None:
    """Everything lies in one object: what is no field of ours is an attribute."""
    is_field = key in _TAKEN or key == "@timestamp" or key.startswith("data_stream.")
    return None if is_field else key


FIELDS = Fields(
    spans=_SPAN,
    logs=_LOG,
    statuses={"success": "ok", "failure": "error"},
    attribute=_attribute,
    resource={
        "service.version": "service.version",
        "service.instance.id": "service.node.name",
        "host.name": "host.name",
    },
    durations={"event.duration": 1},
)
