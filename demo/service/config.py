"""The config file of each process of the demo service (JSON, written by the stage)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from exporters.errors import UsageError
from exporters.settings import Section
from exporters.telemetry import TelemetrySection

HOST = "127.0.0.1"
MODEL = "tiny"
NICENESS = 5
"""Of the replicas: servers around them keep their share of the processor."""


class ProcessConfig(Section):
    """What every process has: its name, its two ports, and where its spans and logs go."""

    name: str
    port: int
    control_port: int
    version: str = "1.0.0"
    telemetry: TelemetrySection = TelemetrySection(kind="none")


class ReplicaConfig(ProcessConfig):
    """One model replica on GPU `gpu` of the device state file."""

    device_state: Path | None = None
    gpu: int = 0
    seed: int = 0
    speed: float = Field(1.0, gt=0)
    compile_seconds: float = Field(0.0, ge=0)
    """Until its kernels are compiled an engine runs them eagerly; 0: they are in the cache."""
    eager_factor: float = Field(5.0, ge=1)
    broken_answers: float = Field(0.0, ge=0, le=1)
    """Share of answers on which this version's detokenizer fails half-way."""
    max_batch: int = Field(4, ge=1)
    max_queue: int = Field(8, ge=1)
    blocks: int = Field(128, ge=8)


class FeaturesConfig(ProcessConfig):
    """The feature service that the gateway asks before each request."""

    seconds: float = Field(0.02, ge=0)


class CacheConfig(ProcessConfig):
    """The cache of answers that the gateway asks before the model."""

    entries: int = Field(10_000, ge=1)


class GatewayConfig(ProcessConfig):
    """The front door; `replicas` maps names to base URLs."""

    replicas: dict[str, str]
    features: str
    cache: str | None = None
    slots: int = Field(12, ge=1)
    max_queue: int = Field(64, ge=1)
    rate_limit: float = Field(150.0, gt=0)
    attempts: int = Field(3, ge=1)
    backoff_seconds: float = Field(0.05, gt=0)
    backoff_cap_seconds: float = Field(1.0, gt=0)
    features_timeout_seconds: float = Field(2.0, gt=0)
    first_token_timeout_seconds: float = Field(10.0, gt=0)
    ejection_errors: int = Field(5, ge=1)
    ejection_seconds: float = Field(10.0, gt=0)
    keeps_connections: bool = True
    """False for replicas that close theirs without a word, so that none is used twice."""


ConfigT = TypeVar("ConfigT", bound=Section)


def read(model: type[ConfigT]) -> ConfigT:
    """Read the config file named on the command line."""
    if len(sys.argv) != 2:
        raise UsageError(f"{len(sys.argv) - 1} arguments given; give one config file (JSON)")
    try:
        return model.model_validate_json(Path(sys.argv[1]).read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"config {sys.argv[1]} is not valid: {error}") from None
