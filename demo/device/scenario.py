"""Scenario files: what simulated devices answer, as data (`nvml/scenario.c` says how they read)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exporters.errors import UsageError

SCENARIO_VARIABLE: Final = "BUSYSIGNAL_DEVICE_SCENARIO"
"""Environment variable that tells the simulated NVML which scenario file to read."""

SCENARIOS: Final = Path(__file__).with_name("scenarios")
DEFAULT_SCENARIO: Final = SCENARIOS / "h100.txt"
"""What devices of a state file answer, where no scenario is named."""


def scenario_file(name: str) -> Path:
    """Return the shipped scenario called `name`, such as `a100`.

    Raises UsageError for a name that has none.
    """
    path = SCENARIOS / f"{name}.txt"
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in SCENARIOS.glob("*.txt")))
        raise UsageError(f"there is no device scenario {name}; there are {known}")
    return path


def absent_symbols(scenario: Path) -> tuple[str, ...]:
    """Return the symbols its driver lacks: what `build_shim` leaves out for it."""
    found: tuple[str, ...] = ()
    for line in scenario.read_text(encoding="utf-8").splitlines():
        key, _, text = (part.strip() for part in line.partition("="))
        if key == "include":
            found = absent_symbols(scenario.parent / text)
        if key == "absent_symbols":
            found = tuple(text.split())
    return found
