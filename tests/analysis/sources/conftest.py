from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.sources import ElasticsearchSection, ElasticsearchSource
from exporters.telemetry import TelemetrySection


@pytest.fixture
def telemetry_section(tmp_path: Path) -> Callable[..., TelemetrySection]:
    dataset = f"test_{uuid.uuid4().hex}.otel"

    def make(**values: Any) -> TelemetrySection:
        given: dict[str, Any] = {
            "dataset": dataset,
            "store_dir": tmp_path / "store",
            "spool_dir": tmp_path / "spool",
            "flush_seconds": 0.02,
        }
        return TelemetrySection(**(given | values))

    return make


@pytest.fixture
def read_from() -> Iterator[Callable[..., ElasticsearchSource]]:
    made: list[ElasticsearchSource] = []

    def go(url: str, **values: Any) -> ElasticsearchSource:
        source = ElasticsearchSource(ElasticsearchSection(url=url, **values))
        made.append(source)
        return source

    yield go
    for source in made:
        source.close()
