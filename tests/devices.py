"""Simulated GPUs for tests: a state file and unmodified pynvml over the compiled library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.device import STATE_VARIABLE, SimulatedGpu, build_shim


@dataclass(frozen=True)
class Machine:
    """A machine with simulated GPUs and the library that speaks for them."""

    library: Path
    state: Path
    gpus: list[SimulatedGpu]


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    state = tmp_path / "devices"
    monkeypatch.setenv(STATE_VARIABLE, str(state))
    return Machine(nvml_library, state, SimulatedGpu.create(state, 2, seed=7))
