"""Everything one verdict looks at, and how it is told apart from what could not be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from analysis.sources.gap import Gap

SERIES_SCHEMA = {
    "entity": pl.String,
    "quantity": pl.String,
    "part": pl.String,
    "ts_ns": pl.Int64,
    "value": pl.Float64,
}
"""One row per sample; `part` is "" where a quantity has no parts."""

FRAMES = ("series", "spans_before", "spans", "logs_before", "logs")
"""What is kept as Parquet, each if there is any."""
LOG_KEYS = ("ts_ns", "body", "service", "pod", "span_id", "severity")

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Window:
    """Health is [baseline_ns, start_ns), the incident [start_ns, end_ns]; nanoseconds UTC."""

    baseline_ns: int
    start_ns: int
    end_ns: int
    step_ns: int = SECOND


@dataclass(frozen=True)
class Alert:
    """The alert group that asks for a verdict, or a window that a person asks about."""

    name: str = ""
    starts_ns: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    group_key: str = ""

    @property
    def service(self) -> str | None:
        return self.labels.get("service") or None


@dataclass(frozen=True, order=True)
class Change:
    """Something that was changed on purpose, or a process that began anew."""

    ts_ns: int
    kind: str
    entity: str
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class Evidence:
    """All inputs of a verdict. Order of rows never matters."""

    alert: Alert
    window: Window
    service: str
    series: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SERIES_SCHEMA))
    spans_before: pl.DataFrame = field(default_factory=pl.DataFrame)
    spans: pl.DataFrame = field(default_factory=pl.DataFrame)
    logs_before: pl.DataFrame = field(default_factory=pl.DataFrame)
    logs: pl.DataFrame = field(default_factory=pl.DataFrame)
    changes: tuple[Change, ...] = ()
    gaps: tuple[Gap, ...] = ()
    silent: tuple[Gap, ...] = ()
    placement: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    firing: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 over all inputs, whatever order they came in."""
        content = hashlib.sha256(_canonical(self._facts()).encode())
        for frame, keys in self._frames():
            content.update(_frame_bytes(frame, keys))
        return content.hexdigest()

    def _facts(self) -> dict[str, Any]:
        return {
            "alert": {**asdict(self.alert), "labels": dict(self.alert.labels)},
            "window": asdict(self.window),
            "service": self.service,
            "changes": [asdict(change) for change in sorted(self.changes)],
            "gaps": [asdict(gap) for gap in sorted(self.gaps)],
            "silent": [asdict(gap) for gap in sorted(self.silent)],
            "placement": dict(self.placement),
            "firing": sorted(self.firing),
        }

    def _frames(self) -> tuple[tuple[pl.DataFrame, tuple[str, ...]], ...]:
        span_keys = ("ts_ns", "trace_id", "span_id", "duration_ns", "operation", "status")
        return (
            (self.series, tuple(SERIES_SCHEMA)),
            (self.spans_before, span_keys),
            (self.spans, span_keys),
            *((frame, LOG_KEYS) for frame in (self.logs_before, self.logs)),
        )

    def save(self, folder: Path) -> None:
        """Write the evidence as Parquet and JSON into `folder`, made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evidence.json").write_text(_canonical(self._facts()), encoding="utf-8")
        for name in FRAMES:
            frame: pl.DataFrame = getattr(self, name)
            if frame.width:
                frame.write_parquet(folder / f"{name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        """Read what `save` wrote."""
        facts = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
        frames = {
            name: pl.read_parquet(folder / f"{name}.parquet")
            for name in FRAMES
            if (folder / f"{name}.parquet").exists()
        }
        return cls(
            alert=Alert(**facts["alert"]),
            window=Window(**facts["window"]),
            service=facts["service"],
            changes=tuple(Change(**change) for change in facts["changes"]),
            gaps=tuple(Gap(**gap) for gap in facts["gaps"]),
            silent=tuple(Gap(**gap) for gap in facts["silent"]),
            placement=facts["placement"],
            firing=tuple(facts["firing"]),
            **frames,
        )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _frame_bytes(frame: pl.DataFrame, keys: tuple[str, ...]) -> bytes:
    present = [key for key in keys if key in frame.columns]
    if not present:
        return b""
    return frame.select(present).sort(present, nulls_last=True).write_csv().encode()
