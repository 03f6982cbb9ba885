"""Spans and logs to an OpenTelemetry Collector, by OTLP over HTTP in its JSON encoding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import httpx
import orjson

from exporters.telemetry.document import Kind, Line
from exporters.telemetry.http import BUSY, GarbageError, HttpSink
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.shapes.otlp import RECORDS, SPANS
from exporters.telemetry.sink import Outcome, Trouble

_PATHS: tuple[tuple[Kind, str, bytes, str, bytes], ...] = (
    ("span", "v1/traces", b"resourceSpans", "rejectedSpans", SPANS),
    ("log", "v1/logs", b"resourceLogs", "rejectedLogRecords", RECORDS),
)
_RETRY = BUSY | {502, 504}
"""What the protocol names as retryable."""


class OtlpSink(HttpSink):
    """At least once: the protocol has no ids, so what an answer got lost for is sent again."""

    def __init__(self, section: TelemetrySection) -> None:
        super().__init__(section)
        self.name = f"the collector at {section.url}"

    def post(self, lines: list[Line], outcome: Outcome) -> None:
        """Send one request for the spans and one for the logs."""
        for kind, path, group, rejected, marker in _PATHS:
            chosen = [line for line in lines if line.kind == kind]
            if not chosen:
                continue
            if outcome.trouble:
                outcome.later += chosen
                continue
            content = b'{"%b":[%b]}' % (group, b",".join(_merged(chosen, marker)))
            answer = self.client.post(
                path, content=content, headers={"content-type": "application/json"}
            )
            if answer.status_code in _RETRY:
                outcome.later += chosen
                outcome.trouble = Trouble("busy", f"HTTP {answer.status_code}")
                continue
            self._judge(kind, chosen, rejected, answer, outcome)

    def _judge(
        self, kind: Kind, lines: list[Line], rejected: str, answer: httpx.Response, outcome: Outcome
    ) -> None:
        answer.raise_for_status()
        said: Any = orjson.loads(answer.content or b"{}")
        if not isinstance(said, dict):
            raise GarbageError("the answer is not that of a collector")
        partial = said.get("partialSuccess") or {}
        count = min(int(partial.get(rejected) or 0), len(lines))
        if count:
            reason = str(partial.get("errorMessage") or "no reason given")
            outcome.refused.append((kind, count, reason))
        outcome.written += lines[: len(lines) - count]


def _merged(lines: list[Line], marker: bytes) -> Iterator[bytes]:
    """Write neighbours of the same resource and scope as one group."""
    for head, group in groupby(
        (line.document.partition(marker) for line in lines), key=lambda parts: parts[0]
    ):
        inside = b",".join([tail.removesuffix(b"]}]}") for _, _, tail in group])
        yield head + marker + inside + b"]}]}"
