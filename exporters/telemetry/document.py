"""What goes out, whatever its shape: one line a document, and whose documents these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from exporters.telemetry.redact import STRICT, Redactor

Kind = Literal["span", "log"]
STREAMS: Mapping[str, str] = {"span": "traces", "log": "logs"}
"""The first part of an index's name, by the kind of its documents."""


@dataclass(frozen=True, slots=True)
class Line:
    """One document ready to be written: `index`, `id` and the JSON text."""

    kind: Kind
    index: str
    id: str
    document: bytes

    def bulk(self) -> bytes:
        """Write as the two lines of a bulk request that never overwrites."""
        action = b'{"create":{"_index":"%b","_id":"%b"}}\n'
        return action % (self.index.encode(), self.id.encode()) + self.document + b"\n"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a log record says, taken in the thread and context that said it. `ts_ns` in UTC."""

    id: str
    ts_ns: int
    severity: int
    level: str
    logger: str
    body: str
    trace_id: str | None = None
    span_id: str | None = None
    trace_flags: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose documents these are, where they go and what they may say.

    Indices are `traces-DATASET-NAMESPACE-YYYY.MM.DD` by the day of the document's own time, UTC:
    a document that is sent again goes to the same index, so that its id makes it the same one.
    """

    resource: Mapping[str, Any]
    dataset: str = "busysignal"
    namespace: str = "default"
    redactor: Redactor = STRICT

    def index(self, kind: Kind, ts_ns: int) -> str:
        """Name the index of a document."""
        return f"{STREAMS[kind]}-{self.dataset}-{self.namespace}-{day(ts_ns // 86_400_000_000_000)}"

    def stream(self, kind: Kind) -> dict[str, str]:
        """Write the fields `data_stream.*`."""
        return {"type": STREAMS[kind], "dataset": self.dataset, "namespace": self.namespace}


@lru_cache(maxsize=64)
def day(number: int) -> str:
    """Write a day, counted from 1970, as `YYYY.MM.DD`."""
    return f"{datetime.fromtimestamp(number * 86_400, UTC):%Y.%m.%d}"


@lru_cache(maxsize=64)
def _second(number: int) -> str:
    return f"{datetime.fromtimestamp(number, UTC):%Y-%m-%dT%H:%M:%S}"


def iso(ns: int) -> str:
    """Write nanoseconds since 1970 as ISO 8601 with nine digits."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"
