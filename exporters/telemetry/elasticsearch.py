"""Documents into Elasticsearch by its bulk API, judging every item of every answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson

from exporters.errors import UsageError
from exporters.telemetry.document import Line
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.sink import Outcome
from exporters.telemetry.template import templates

log = logging.getLogger(__name__)

BULK_BYTES = 5 * 2**20
_BUSY = {429, 503}
_TAKEN = {200, 201, 409}
"""409: the document is there already, from an answer that got lost."""
_POISON = {400, 413}
"""The document's own fault. Any other refusal (401, 403, 404) is of the server's state: no right to
write, a blocked index, one that may not be made. A person mends it, and the document is good."""


class ElasticsearchSink:
    """Plain HTTP with one kept connection: a bulk request needs no more."""

    def __init__(self, section: TelemetrySection) -> None:
        self.name = f"Elasticsearch at {section.url}"
        self._templates = templates(section)
        self._prepared = False
        self._client = httpx.Client(
            base_url=section.url.rstrip("/") + "/",
            timeout=section.timeout_seconds,
            auth=_credentials(section),
            headers={"x-opaque-id": "busysignal-telemetry"},
            trust_env=False,
        )

    def write(self, lines: Sequence[Line]) -> Outcome:
        """Send the lines in requests of at most BULK_BYTES; after trouble the rest must wait."""
        outcome = Outcome()
        for chunk in _chunks(lines):
            if outcome.trouble:
                outcome.later += chunk
            else:
                self._send(chunk, outcome)
        return outcome

    def _send(self, lines: list[Line], outcome: Outcome) -> None:
        try:
            self._prepare()
            answer = self._client.post(
                "_bulk",
                params={"filter_path": "errors,items.*.status,items.*.error"},
                content=b"".join(line.bulk() for line in lines),
                headers={"content-type": "application/x-ndjson"},
            )
            answer.raise_for_status()
            self._judge_items(lines, orjson.loads(answer.content), outcome)
        except httpx.HTTPStatusError as error:
            self._judge_refusal(lines, error.response, outcome)
        except (httpx.HTTPError, orjson.JSONDecodeError, _GarbageError) as error:
            self._prepared = False
            outcome.later += lines
            outcome.trouble, outcome.why = "away", f"{type(error).__name__}: {error}"

    def _prepare(self) -> None:
        """Put the index templates, again after each outage: the server may have come back empty."""
        if self._prepared:
            return
        for name, body in self._templates.items():
            self._client.put(f"_index_template/{name}", json=body).raise_for_status()
        self._prepared = True

    def _judge_items(self, lines: list[Line], answer: Any, outcome: Outcome) -> None:
        items = answer.get("items") if isinstance(answer, dict) else None
        if not isinstance(items, list) or len(items) != len(lines):
            raise _GarbageError("the answer is not that of a bulk request")
        for line, (status, reason) in zip(lines, list(map(_result, items)), strict=True):
            if status in _TAKEN:
                outcome.written.append(line)
            elif status in _POISON:
                outcome.poison.append((line, reason))
            else:
                outcome.later.append(line)
                is_busy = status in _BUSY or status >= 500
                outcome.trouble, outcome.why = "busy" if is_busy else "away", reason

    def _judge_refusal(self, lines: list[Line], answer: httpx.Response, outcome: Outcome) -> None:
        status = answer.status_code
        if status in _POISON and answer.request.url.path.endswith("/_bulk"):
            self._split(lines, f"HTTP {status}: {answer.text[:200]}", outcome)
            return
        outcome.later += lines
        outcome.trouble = "busy" if status in _BUSY else "away"
        outcome.why = f"HTTP {status}"
        outcome.pause_seconds = _retry_after(answer)

    def _split(self, lines: list[Line], reason: str, outcome: Outcome) -> None:
        """Find the document that spoils a request by halving it."""
        if len(lines) == 1:
            outcome.poison.append((lines[0], reason))
            return
        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            if outcome.trouble:
                outcome.later += half
            else:
                self._send(half, outcome)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class _GarbageError(Exception):
    """The answer was HTTP 200, yet no Elasticsearch wrote it."""


def _chunks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and size + len(line.document) > BULK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.document)
    if chunk:
        yield chunk


def _result(item: Any) -> tuple[int, str]:
    try:
        result = item["create"]
        return int(result["status"]), _reason(result)
    except (KeyError, TypeError, ValueError):
        raise _GarbageError("an item of the answer is not that of a create") from None


def _reason(result: dict[str, Any]) -> str:
    error = result.get("error") or {}
    if not isinstance(error, dict):
        return f"HTTP {result['status']}: {error}"
    return f"HTTP {result['status']}: {error.get('type')}: {error.get('reason')}"


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(60.0, float(text)) if text.isdigit() else 0.0


def _credentials(section: TelemetrySection) -> tuple[str, str] | None:
    if section.user is None:
        return None
    if section.password_file is None:
        raise UsageError("[telemetry] has a user but no password; set password_file to its file")
    try:
        return section.user, section.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            f"[telemetry] password_file {section.password_file} cannot be read: "
            f"{error.strerror}; name a file that holds the password alone"
        ) from None
