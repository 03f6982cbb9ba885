"""The config sections [prometheus] and [elasticsearch]: where the analysis reads.

Apart from the sources themselves, which load Polars and clients that no other command needs.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from exporters.settings import HttpUrl, Section


class PrometheusSection(Section):
    """The config section [prometheus]."""

    url: HttpUrl = "http://127.0.0.1:9090"
    timeout_seconds: float = Field(10.0, gt=0, le=300)


class ElasticsearchSection(Section):
    """The config section [elasticsearch]: where the analysis reads spans and logs.

    `read_rows`, `read_bytes` and `read_seconds` bound one reading, `searches` how many of its
    searches run at once; what a bound cut off is told as a gap.
    """

    url: HttpUrl = "http://127.0.0.1:9200"
    user: str | None = None
    password_file: Path | None = None
    api_key_file: Path | None = None  # the encoded key; read, view_index_metadata, monitor suffice
    ca_file: Path | None = None
    fingerprint: str | None = None  # SHA-256 of the server's certificate, in hex
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    traces_index: str = "traces-*,-traces-apm.sampled-*"  # those are tail sampling's own notes
    logs_index: str = "logs-*"
    shapes: tuple[Path, ...] = ()  # further shapes, tried before ours
    timeout_seconds: float = Field(10.0, gt=0, le=300)
    page_size: int = Field(10_000, ge=1, le=10_000)  # at most; large documents come in fewer
    slices: int = Field(2, ge=1, le=64)
    searches: int = Field(4, ge=1, le=64)
    read_rows: int = Field(1_000_000, ge=1)
    read_bytes: int = Field(1 << 30, ge=1_000)
    read_seconds: float = Field(60.0, gt=0, le=3_600)
