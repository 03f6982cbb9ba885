"""The index templates of each shape: plain daily indices with the types a reader needs.

Elasticsearch ships templates for `traces-*-*` that make data streams. Ours, of a higher
priority, makes plain indices of the same fields, so that it also works on a server without
data streams. Without any template `@timestamp` becomes text and no range of time can be read.
"""

from __future__ import annotations

from typing import Any

from exporters.telemetry.section import TelemetrySection

_KEYWORD = {"type": "keyword", "ignore_above": 1024}


def templates(section: TelemetrySection, policy: str | None) -> dict[str, dict[str, Any]]:
    """Return the body of each index template by its name; `policy` is the lifecycle's, if any."""
    spans, logs = _FIELDS[section.shape]
    return {
        prefix: _template(f"{prefix}-*", fields, policy)
        for prefix, fields in ((section.traces_prefix, spans), (section.logs_prefix, logs))
    }


def _template(index: str, mappings: dict[str, Any], policy: str | None) -> dict[str, Any]:
    settings = {
        "index": {**_SETTINGS["index"], **({"lifecycle": {"name": policy}} if policy else {})}
    }
    return {
        "index_patterns": [index],
        "priority": 500,
        "template": {"settings": settings, "mappings": mappings},
    }


_SETTINGS: dict[str, dict[str, Any]] = {
    "index": {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "refresh_interval": "1s",
        # An attribute too many, or of another type than before, must not cost the document.
        "mapping": {
            "ignore_malformed": True,
            "total_fields": {"limit": 1000, "ignore_dynamic_beyond_limit": True},
        },
    }
}


def _passthrough(priority: int) -> dict[str, Any]:
    return {"type": "passthrough", "dynamic": True, "priority": priority}


def _otel(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "date_detection": False,
        "dynamic": False,
        "dynamic_templates": [
            {
                "complex": {
                    "path_match": ["resource.attributes.*", "scope.attributes.*", "attributes.*"],
                    "match_mapping_type": "object",
                    "mapping": {"type": "flattened"},
                }
            },
            {"text": {"match_mapping_type": "string", "mapping": _KEYWORD}},
        ],
        "properties": {**_SHARED_FIELDS, **fields},
    }


_SHARED_FIELDS: dict[str, Any] = {
    "@timestamp": {"type": "date", "ignore_malformed": False},
    "trace_id": _KEYWORD,
    "span_id": _KEYWORD,
    "trace.id": {"type": "alias", "path": "trace_id"},
    "span.id": {"type": "alias", "path": "span_id"},
    "attributes": _passthrough(20),
    "scope": {
        "properties": {"name": _KEYWORD, "version": _KEYWORD, "attributes": _passthrough(30)}
    },
    "resource": {"properties": {"attributes": _passthrough(40)}},
}
_SPAN_FIELDS: dict[str, Any] = {
    "parent_span_id": _KEYWORD,
    "parent.id": {"type": "alias", "path": "parent_span_id"},
    "name": _KEYWORD,
    "span.name": {"type": "alias", "path": "name"},
    "kind": _KEYWORD,
    "duration": {"type": "long", "meta": {"unit": "nanos"}},
    "trace_state": _KEYWORD,
    "links": {"properties": {"trace_id": _KEYWORD, "span_id": _KEYWORD}},
    "status": {"properties": {"message": _KEYWORD, "code": _KEYWORD}},
}
_LOG_FIELDS: dict[str, Any] = {
    "observed_timestamp": {"type": "date_nanos"},
    "severity_number": {"type": "byte"},
    "severity_text": _KEYWORD,
    "log.level": {"type": "alias", "path": "severity_text"},
    "event_name": _KEYWORD,
    "body": {"properties": {"text": {"type": "text"}, "structured": {"type": "flattened"}}},
    "message": {"type": "alias", "path": "body.text"},
}
_NESTED: dict[str, Any] = {
    "date_detection": False,
    "dynamic_templates": [
        {"text": {"match_mapping_type": "string", "mapping": _KEYWORD}},
    ],
    "properties": {
        "@timestamp": {"type": "date_nanos", "ignore_malformed": False},
        "message": {"type": "text"},
        "error": {"properties": {"stack_trace": {"type": "text", "index": False}}},
    },
}
_FLAT: dict[str, Any] = {
    "date_detection": False,
    "dynamic_templates": [
        {"text": {"match_mapping_type": "string", "mapping": _KEYWORD}},
    ],
    "properties": {
        "@timestamp": {"type": "date_nanos", "ignore_malformed": False},
        "EndTimestamp": {"type": "date_nanos"},
        "Body": {"type": "text"},
    },
}
_FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "otel": (_otel(_SPAN_FIELDS), _otel(_LOG_FIELDS)),
    "ecs": (_NESTED, _NESTED),
    "raw": (_FLAT, _FLAT),
}
