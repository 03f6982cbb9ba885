"""Simulated GPUs for tests: a state or scenario file and unmodified pynvml over the library."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.device import (
    SCENARIO_VARIABLE,
    STATE_VARIABLE,
    SimulatedGpu,
    build_shim,
    scenario_file,
)

SCENARIO_SEEN_SECONDS = 0.02
"""The library looks at its scenario every few milliseconds."""


@dataclass(frozen=True)
class Machine:
    """A machine with simulated GPUs and the library that speaks for them."""

    library: Path
    state: Path
    gpus: list[SimulatedGpu]


@dataclass(frozen=True)
class Scenario:
    """A scenario file that a test may change while the library reads it."""

    path: Path

    def change(self, base: str, *lines: str) -> None:
        """Be the shipped scenario `base`, and after it `lines`; seen when this returns."""
        content = "\n".join((f"include = {scenario_file(base)}", *lines, ""))
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(self.path)
        time.sleep(SCENARIO_SEEN_SECONDS)


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    state = tmp_path / "devices"
    monkeypatch.delenv(SCENARIO_VARIABLE, raising=False)
    monkeypatch.setenv(STATE_VARIABLE, str(state))
    return Machine(nvml_library, state, SimulatedGpu.create(state, 2, seed=7))


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scenario]:
    """Make a scenario from a shipped one and lines of one's own, and name it to the library."""

    def make(base: str, *lines: str) -> Scenario:
        made = Scenario(tmp_path / "scenario.txt")
        monkeypatch.delenv(STATE_VARIABLE, raising=False)
        monkeypatch.setenv(SCENARIO_VARIABLE, str(made.path))
        made.change(base, *lines)
        return made

    return make
