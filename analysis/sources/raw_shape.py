"""Where documents of the mapping modes `raw` and `none` keep what: flat keys.

Attributes bear no prefix in `raw` and `Attributes.` in `none`.
"""

from __future__ import annotations

from analysis.sources.mapped import Fields, Names
from analysis.sources.values import HTTP_STATUS, KEPT_RESOURCE, MODELS, REQUEST_IDS, WEIGHT

MARKS = frozenset({"TraceId", "SpanId", "TraceStatus", "SeverityNumber", "SeverityText", "Body"})


def _either(*names: str) -> Names:
    return (*names, *(f"Attributes.{name}" for name in names))


_SHARED = {
    "trace_id": ("TraceId",),
    "span_id": ("SpanId",),
    "service": ("Resource.service.name",),
    "request_id": _either(*REQUEST_IDS),
    "pod": ("Resource.k8s.pod.name",),
    "node": ("Resource.k8s.node.name", "Resource.host.name"),
}
_FIELDS = {
    "@timestamp", "EndTimestamp", "TraceId", "SpanId", "ParentSpanId", "Name", "Kind", "Duration",
    "TraceStatus", "TraceStatusDescription", "Link", "TraceFlags", "SeverityText",
    "SeverityNumber", "Body",
}  # fmt: skip
_PREFIXES = ("Resource.", "Scope.", "data_stream.", "Attributes.data_stream.", "Events.", "Body.")


def _attribute(key: str) -> str | None:
    if key in _FIELDS or key.startswith(_PREFIXES):
        return None
    return key.removeprefix("Attributes.")


FIELDS = Fields(
    spans={
        **_SHARED,
        "parent_id": ("ParentSpanId",),
        "operation": ("Name",),
        "kind": ("Kind",),
        "status": ("TraceStatus",),
        "status_message": ("TraceStatusDescription",),
        "http_status": _either(*HTTP_STATUS),
        "container": ("Resource.container.id",),
        "model": _either(*MODELS),
        "weight": _either(WEIGHT),
    },
    logs={
        **_SHARED,
        "severity": ("SeverityNumber",),
        "level": ("SeverityText",),
        "body": ("Body",),
        "logger": ("Scope.name",),
        "exception_type": _either("exception.type"),
        "stacktrace": _either("exception.stacktrace"),
    },
    statuses={1: "ok", 2: "error"},
    attribute=_attribute,
    resource={key: f"Resource.{key}" for key in KEPT_RESOURCE},
    durations={"Duration": 1_000},
    end="EndTimestamp",
)
