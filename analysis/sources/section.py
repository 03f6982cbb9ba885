"""The config sections [prometheus] and [elasticsearch]: where the analysis reads.

Apart from the sources themselves, which load Polars and clients that no other command needs.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from exporters.settings import Section
from exporters.telemetry.section import HttpUrl


class PrometheusSection(Section):
    """The config section [prometheus]."""

    url: HttpUrl = "http://127.0.0.1:9090"
    timeout_seconds: float = Field(10.0, gt=0, le=300)


class ElasticsearchSection(Section):
    """The config section [elasticsearch]: where the analysis reads spans and logs."""

    url: HttpUrl = "http://127.0.0.1:9200"
    user: str | None = None
    password_file: Path | None = None
    traces_index: str = "traces-*,-traces-apm.sampled-*"  # those are tail sampling's own notes
    logs_index: str = "logs-*"
    timeout_seconds: float = Field(10.0, gt=0, le=300)
    page_size: int = Field(5_000, ge=1, le=10_000)
    slices: int = Field(2, ge=1, le=64)
