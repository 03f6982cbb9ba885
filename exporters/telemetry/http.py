"""What every place behind HTTP has in common: chunks, one kept connection, refusals judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import httpx
import orjson

from exporters.errors import UsageError
from exporters.telemetry.document import Line
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.sink import Outcome, Trouble, TroubleKind

REQUEST_BYTES = 5 * 2**20
BUSY = {429, 503}
POISON = {400, 413}
"""The document's own fault. Any other refusal (401, 403, 404) is of the server's state: no right to
write, a blocked index, one that may not be made. A person mends it, and the document is good."""


class GarbageError(Exception):
    """The answer was HTTP 200, yet not from the kind of server we talk to."""


class HttpSink(ABC):
    """Plain HTTP with one kept connection: neither bulk requests nor OTLP need more."""

    name: str

    def __init__(self, section: TelemetrySection) -> None:
        self.is_prepared = False
        """False again after each outage: the server may have come back empty."""
        self.client = httpx.Client(
            base_url=section.url.rstrip("/") + "/",
            timeout=section.timeout_seconds,
            auth=credentials(section),
            headers={"x-opaque-id": "busysignal-telemetry"},
            trust_env=False,
        )

    @abstractmethod
    def post(self, lines: list[Line], outcome: Outcome) -> None:
        """Send one request and judge its answer.

        Raises httpx.HTTPError, GarbageError or orjson.JSONDecodeError.
        """

    def write(self, lines: Sequence[Line]) -> Outcome:
        """Send the lines in requests of at most REQUEST_BYTES; after trouble the rest must wait."""
        outcome = Outcome()
        for chunk in _chunks(lines):
            if outcome.trouble:
                outcome.later += chunk
            else:
                self._send(chunk, outcome)
        return outcome

    def _send(self, lines: list[Line], outcome: Outcome) -> None:
        try:
            self.post(lines, outcome)
        except httpx.HTTPStatusError as error:
            self._judge_refusal(lines, error.response, outcome)
        except (httpx.HTTPError, orjson.JSONDecodeError, GarbageError) as error:
            self.is_prepared = False
            outcome.later += lines
            outcome.trouble = Trouble("away", f"{type(error).__name__}: {error}")

    def _judge_refusal(self, lines: list[Line], answer: httpx.Response, outcome: Outcome) -> None:
        status = answer.status_code
        if status in POISON and answer.request.method == "POST":
            self._split(lines, f"HTTP {status}: {answer.text[:200]}", outcome)
            return
        outcome.later += lines
        kind: TroubleKind = "busy" if status in BUSY else "away"
        outcome.trouble = Trouble(kind, f"HTTP {status}", _retry_after(answer))

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
        self.client.close()


def _chunks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and size + len(line.document) > REQUEST_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.document)
    if chunk:
        yield chunk


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(60.0, float(text)) if text.isdigit() else 0.0


def credentials(section: TelemetrySection) -> tuple[str, str] | None:
    """User and password of the section; None without a user. Raises UsageError if unreadable."""
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
