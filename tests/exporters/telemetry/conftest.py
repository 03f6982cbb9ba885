from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.telemetry import Telemetry, TelemetrySection, setup


@pytest.fixture
def dataset() -> str:
    return f"test_{uuid.uuid4().hex}.otel"


@pytest.fixture
def section(tmp_path: Path, dataset: str) -> Callable[..., TelemetrySection]:
    def make(**values: Any) -> TelemetrySection:
        given: dict[str, Any] = {
            "dataset": dataset,
            "store_dir": tmp_path / "store",
            "spool_dir": tmp_path / "spool",
            "flush_seconds": 0.02,
            "backoff_seconds": 0.05,
            "backoff_cap_seconds": 0.2,
            "timeout_seconds": 5.0,
        }
        return TelemetrySection(**(given | values))

    return make


@pytest.fixture
def start() -> Iterator[Callable[..., Telemetry]]:
    running: list[Telemetry] = []

    def go(section: TelemetrySection, instance: str = "replica-1") -> Telemetry:
        telemetry = setup(section, service_name="replica", instance=instance, version="1.2.3")
        running.append(telemetry)
        return telemetry

    yield go
    for telemetry in running:
        telemetry.shutdown()
