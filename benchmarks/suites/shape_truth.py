"""What was sent, as canonical rows, and what became of each field: equal, lost or wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from analysis.sources.flatten import flatten
from analysis.sources.values import KEPT_RESOURCE, MODELS, REQUEST_IDS, Hit, ShapeError, nanoseconds

Verdict = dict[str, str]
"""Each field -> equal, lost or wrong."""

SYNONYMS = {
    "error": {"error", "failure", "2", "true"},
    "ok": {"ok", "success", "1"},
    "unset": {"unset"},
}
"""How writers spell a status."""


class Truths:
    """Spans by their ids, logs by trace and millisecond."""

    def __init__(self, spans: list[dict[str, Any]], logs: list[dict[str, Any]]) -> None:
        self._spans = {(each["trace_id"], each["span_id"]): each for each in spans}
        self._logs: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for each in logs:
            self._logs[each["trace_id"] or "", each["time_ns"] // 10**6].append(each)

    def judge_spans(self, frame: pl.DataFrame, hits: list[Hit]) -> Iterator[Verdict]:
        """A verdict on each span that was sent."""
        for row in frame.iter_rows(named=True):
            told = self._spans.get((row["trace_id"], row["span_id"]))
            if told is not None:
                yield judge(row, span_row(told), told, hits[int(row["source_id"])])

    def judge_logs(self, frame: pl.DataFrame, hits: list[Hit]) -> Iterator[Verdict]:
        """A verdict on each log that was sent; each is taken once, the likest first."""
        left = {key: list(many) for key, many in self._logs.items()}
        for row in frame.iter_rows(named=True):
            many = left.get((row["trace_id"] or "", row["ts_ns"] // 10**6), [])
            many = [told for told in many if is_alike(row, told)]
            if many:
                told = max(many, key=lambda one: _same(row["body"], text_of(one["body"])))
                left[row["trace_id"] or "", row["ts_ns"] // 10**6].remove(told)
                yield judge(row, log_row(told), told, hits[int(row["source_id"])])


def is_alike(row: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Events of spans are no logs that were sent: they bear no severity, and another body."""
    read, sent = row["body"], told["body"]
    if read is None or isinstance(sent, dict) or not sent:
        return row["severity"] is not None
    return bool(read.startswith(sent))  # a line of a file may tell its ids after the message


def span_row(told: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical span that a perfect writer and reader would make of it."""
    attributes, resource = told["attributes"], told["resource"]
    return {
        "ts_ns": told["start_ns"],
        "duration_ns": told["duration_ns"],
        "trace_id": told["trace_id"],
        "span_id": told["span_id"],
        "parent_id": told["parent_id"] or None,
        "service": told["service"],
        "operation": told["operation"],
        "kind": told["kind"],
        "status": told["status"],
        "status_message": told["status_message"] or None,
        "http_status": attributes.get("http.response.status_code"),
        "container": resource.get("container.id"),
        "model": _first(attributes, MODELS),
        **_places(attributes, resource),
    }


def log_row(told: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical log that a perfect writer and reader would make of it."""
    attributes, body = told["attributes"], told["body"]
    row = {
        "ts_ns": told["time_ns"],
        "severity": told["severity_number"] or None,
        "body": text_of(body),
        "logger": told["scope"].get("name") or None,
        "service": told["service"],
        "trace_id": told["trace_id"] or None,
        "span_id": told["span_id"] or None,
        "exception_type": attributes.get("exception.type"),
        "stacktrace": attributes.get("exception.stacktrace"),
        **_places(attributes, told["resource"]),
    }
    if row["request_id"] is None and isinstance(body, dict):
        row["request_id"] = _first(body, REQUEST_IDS)
    return row


def _places(attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "request_id": _first(attributes, REQUEST_IDS),
        "pod": resource.get("k8s.pod.name"),
        "node": resource.get("k8s.node.name") or resource.get("host.name"),
    }


def judge(
    row: Mapping[str, Any], right: Mapping[str, Any], told: Mapping[str, Any], hit: Hit
) -> Verdict:
    """Hold one row against the truth, and what differs against the document itself."""
    document = Evidence(hit.source)
    said: Verdict = {}
    for field, value in right.items():
        if _same(row[field], value):
            said[field] = "equal"
        elif field in ("ts_ns", "duration_ns"):
            said[field] = "lost" if document.rounded(row[field], value) else "wrong"
        else:
            said[field] = "wrong" if document.holds(value) else "lost"
    read = orjson.loads(row["attributes"])
    resource = {f"resource.{key}": told["resource"].get(key) for key in KEPT_RESOURCE}
    for key, value in {**told["attributes"], **resource}.items():
        if value is None or _is_told(read, key, value):
            said[f"attributes:{key}"] = "equal"
        else:
            is_kept = document.holds_as(key.removeprefix("resource."), value)
            said[f"attributes:{key}"] = "wrong" if is_kept else "lost"
    return said


class Evidence:
    """What a document holds, whoever reads it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._named = [
            (path.replace("@", "."), _typed(value)) for path, value in flatten(document).items()
        ]
        self._leaves: set[str] = set()
        self._times: set[int] = set()
        self._walk(document)

    def holds(self, value: Any) -> bool:
        """Whether the value is there in any of the ways in which writers spell it."""
        if value is None:
            return False
        if isinstance(value, dict | list):
            return _text(value) in self._leaves
        words = SYNONYMS.get(str(value), {_text(value), f"span_kind_{_text(value)}"})
        return not words.isdisjoint(self._leaves)

    def holds_as(self, name: str, value: Any) -> bool:
        """Whether a field or a tag bears the name and the value: `true` is not "true".

        `@` may stand for the dots of a name; where `_` does, the name is lost.
        """
        wanted = _typed(value)
        return any(said == wanted and path.endswith(name) for path, said in self._named)

    def rounded(self, read: int | None, value: int) -> bool:
        """Whether the exact time is not there, and what was read is all that is."""
        if value and value in self._times:
            return False
        floors = {value // unit * unit for unit in (10**3, 10**6)}
        return read is None or read in floors or read in self._times

    def _walk(self, value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("key"), str) and "value" in value:  # a tag
                self._named.append((value["key"], _typed(value["value"])))
            for inner in value.values():
                self._walk(inner)
        if isinstance(value, list):
            for inner in value:
                self._walk(inner)
        self._leaves.add(_text(value))
        if type(value) is int:
            self._times |= {value, value * 10**3}
        try:
            self._times.add(nanoseconds(value))
        except ShapeError:
            return


def text_of(body: Any) -> str | None:
    """A body as the column has it."""
    return orjson.dumps(body).decode() if isinstance(body, dict) else body or None


def _same(read: Any, value: Any) -> bool:
    if read == value and isinstance(read, bool) == isinstance(value, bool):
        return True
    if isinstance(read, str) and isinstance(value, str) and value[:1] == "{":
        try:
            return bool(orjson.loads(read) == orjson.loads(value))
        except orjson.JSONDecodeError:
            return False
    return False


def _is_told(read: Mapping[str, Any], key: str, value: Any) -> bool:
    """A map may be told as itself, or as one attribute for each of its leaves."""
    if isinstance(value, dict) and key not in read:
        return all(_is_told(read, f"{key}.{name}", inner) for name, inner in value.items())
    return _same(read.get(key), value)


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if values.get(name)), None)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.lower()
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode().lower()


def _typed(value: Any) -> str:
    """A float without a fraction is written as an integer by some, and is the same number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
