"""The config section [telemetry]: where spans and logs go, and how much may wait on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from exporters.settings import Section

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]
Dataset = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]{0,99}$")]


class TelemetrySection(Section):
    """Spans and logs out; every bound here is a bound on memory, disk or time."""

    kind: Literal["elasticsearch", "store", "none"] = "elasticsearch"
    url: HttpUrl = "http://127.0.0.1:9200"
    user: str | None = None
    password_file: Path | None = None
    dataset: Dataset = "busysignal.otel"
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
    def traces_index(self) -> str:
        return f"traces-{self.dataset}-default"

    @property
    def logs_index(self) -> str:
        return f"logs-{self.dataset}-default"
