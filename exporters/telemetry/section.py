"""The config section [telemetry]: where spans and logs go, and how much may wait on the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from exporters.settings import HttpUrl, Section

Dataset = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]{0,94}$")]


def _pattern(text: str) -> str:
    try:
        matches_nothing = re.compile(text).search("") is None
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    if not matches_nothing:
        raise ValueError(f"{text!r} matches the empty text, so it would mask everything")
    return text


class TelemetrySection(Section):
    """Spans and logs out; every bound here is a bound on memory, disk or time."""

    kind: Literal["elasticsearch", "otlp", "store", "none"] = "elasticsearch"
    url: HttpUrl = "http://127.0.0.1:9200"
    user: str | None = None
    password_file: Path | None = None
    shape: Literal["otel", "ecs", "raw"] = "otel"
    dataset: Dataset = "busysignal"
    retention_days: int = Field(30, ge=0, le=3_650)
    content: bool = False
    redact: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    sample_ratio: float = Field(1.0, gt=0, le=1)
    tail_one_in: int = Field(1, ge=1, le=1_000_000)
    tail_slowest: int = Field(1, ge=0, le=1_000)
    tail_window_seconds: float = Field(10.0, gt=0, le=600)
    tail_trace_seconds: float = Field(30.0, gt=0, le=3_600)
    tail_traces: int = Field(10_000, ge=1, le=1_000_000)
    tail_spans: int = Field(50_000, ge=1, le=10_000_000)
    store_dir: Path = Path("~/.local/state/busysignal/store")
    store_file_bytes: int = Field(64 * 2**20, ge=2**16)
    store_files: int = Field(32, ge=2)
    spool_dir: Path = Path("~/.local/state/busysignal/spool")
    spool_bytes: int = Field(256 * 2**20, ge=2**16)
    queue_size: int = Field(16_384, ge=16, le=1_000_000)
    batch_size: int = Field(1_000, ge=1, le=10_000)
    flush_seconds: float = Field(0.5, gt=0, le=60)
    timeout_seconds: float = Field(10.0, gt=0, le=120)
    backoff_seconds: float = Field(0.25, gt=0, le=60)
    backoff_cap_seconds: float = Field(30.0, gt=0, le=600)
    shutdown_seconds: float = Field(5.0, gt=0, le=120)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def stream(self) -> str:
        """The dataset in an index's name; OpenTelemetry's exporter marks its own shape so."""
        is_marked = self.shape != "otel" or self.dataset.endswith(".otel")
        return self.dataset if is_marked else f"{self.dataset}.otel"

    @property
    def traces_prefix(self) -> str:
        return f"traces-{self.stream}-default"

    @property
    def logs_prefix(self) -> str:
        return f"logs-{self.stream}-default"

    @property
    def traces_index(self) -> str:
        """What a reader names to have the spans of all days."""
        return f"{self.traces_prefix}-*"

    @property
    def logs_index(self) -> str:
        """What a reader names to have the logs of all days."""
        return f"{self.logs_prefix}-*"
