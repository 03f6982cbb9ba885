"""Documents into Elasticsearch by its bulk API, judging every item of every answer."""

from __future__ import annotations

from typing import Any

import orjson

from exporters.telemetry.document import Line
from exporters.telemetry.http import BUSY, POISON, GarbageError, HttpSink
from exporters.telemetry.retention import Retention
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.sink import Outcome, Trouble, TroubleKind
from exporters.telemetry.template import templates

_TAKEN = {200, 201, 409}
"""409: the document is there already, from an answer that got lost."""


class ElasticsearchSink(HttpSink):
    """Creates documents under ids of their own, so that sending one again changes nothing."""

    def __init__(self, section: TelemetrySection) -> None:
        super().__init__(section)
        self.name = f"Elasticsearch at {section.url}"
        self._section = section
        self._retention = Retention(section, self.client)

    def post(self, lines: list[Line], outcome: Outcome) -> None:
        """Send one bulk request."""
        self._prepare()
        answer = self.client.post(
            "_bulk",
            params={"filter_path": "errors,items.*.status,items.*.error"},
            content=b"".join([line.bulk() for line in lines]),
            headers={"content-type": "application/x-ndjson"},
        )
        answer.raise_for_status()
        _judge(lines, orjson.loads(answer.content), outcome)
        self._retention.sweep()

    def _prepare(self) -> None:
        if self.is_prepared:
            return
        policy = self._retention.policy()
        for name, body in templates(self._section, policy).items():
            self.client.put(f"_index_template/{name}", json=body).raise_for_status()
        self.is_prepared = True


def _judge(lines: list[Line], answer: Any, outcome: Outcome) -> None:
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) != len(lines):
        raise GarbageError("the answer is not that of a bulk request")
    if answer.get("errors") is False:
        outcome.written += lines
        return
    for line, (status, reason) in zip(lines, [_result(item) for item in items], strict=True):
        if status in _TAKEN:
            outcome.written.append(line)
        elif status in POISON:
            outcome.poison.append((line, reason))
        else:
            # Whatever an item meets is its index's: another index may be as well as ever.
            outcome.later.append(line)
            kind: TroubleKind = "busy" if status in BUSY or status >= 500 else "away"
            outcome.blocked[line.index] = Trouble(kind, reason)


def _result(item: Any) -> tuple[int, str]:
    try:
        result = item["create"]
        status = int(result["status"])
        return status, "" if status in _TAKEN else _reason(result)
    except (KeyError, TypeError, ValueError):
        raise GarbageError("an item of the answer is not that of a create") from None


def _reason(result: dict[str, Any]) -> str:
    error = result.get("error") or {}
    if not isinstance(error, dict):
        return f"HTTP {result['status']}: {error}"
    return f"HTTP {result['status']}: {error.get('type')}: {error.get('reason')}"
