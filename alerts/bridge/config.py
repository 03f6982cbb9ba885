"""The [bridge] section: where `busysignal bridge` listens, and how long it keeps trying."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from exporters.settings import Section


class BridgeSection(Section):
    """The receivers themselves stand in [rules.notify]."""

    host: str = "127.0.0.1"
    port: int = Field(default=9452, ge=0, le=65_535)
    database: Path = Path("busysignal-bridge.sqlite")
    queue_limit: int = Field(default=1000, ge=1)
    repeat_seconds: float = Field(default=300.0, ge=0.0, le=86_400.0)
    timeout_seconds: float = Field(default=5.0, gt=0.0, le=60.0)
    longest_pause_seconds: float = Field(default=300.0, gt=0.0, le=3600.0)
    body_limit_bytes: int = Field(default=4_000_000, ge=1000)
