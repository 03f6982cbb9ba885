"""Benchmarks on public data, by the name that `busysignal bench` takes."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.suites.result import NoLayoutError, Result
from exporters.errors import UsageError

SUITES: Final[Mapping[str, str]] = {
    "petshop": "Top-1 and Top-3 of root causes in a microservice application",
    "nezha": "AS@1, AS@3 and AIS@1 of faulty services, from traces, logs and metrics",
    "loghub": "grouping accuracy of log templates, one configuration for every set",
    "shapes": "documents of real writers read back, field by field: equal, lost or wrong",
    "nab": "alarms on labelled series, NAB's standard profile, strictly online",
    "detection": "delay, false alarms a day and CPU of the detectors on recorded demo runs",
    "incidents": "Top-1, Top-3, calibration and honesty on generated incidents of every kind",
    "disguises": "petshop, nezha and incidents with other names, units, order, clock, and holes",
    "engines": "the engines' alias tables, held against recorded /metrics",
    "forecast": "error and coverage of load a day ahead, beside Prophet and statsforecast",
    "autoscaling": "rejected requests and GPU-hours of a day, with and without forecast",
}
"""What each one measures; the module of the same name has `run(data: Path) -> Result`."""

ARCHIVES: Final = "*.tar.*"


def listed() -> str:
    """Every benchmark and what it measures, one a line."""
    return "\n".join(f"{name:11} {says}" for name, says in SUITES.items())


def run(name: str, data: Path) -> Result:
    """Run one benchmark on whatever part of `data` has its layout, packed or not.

    Raises UsageError for an unknown name, and where nothing below `data` has the layout.
    """
    if name not in SUITES:
        raise UsageError(f"no benchmark {name!r}; there are: {', '.join(SUITES)}")
    if not data.is_dir():
        raise UsageError(f"--data {data} is no folder; give the one with the data sets")
    suite: Callable[[Path], Result] = import_module(f"benchmarks.suites.{name}").run
    try:
        return suite(data)
    except NoLayoutError:
        if not any(data.glob(ARCHIVES)):
            raise
    return _unpacked(suite, data)


def _unpacked(suite: Callable[[Path], Result], data: Path) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(data.glob(ARCHIVES)):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        return suite(Path(folder))
