"""What is normal on this device, and what its right results are, kept in a file.

Both belong to one device, driver, torch and set of shapes, and are never used across them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from exporters.settings import Section
from inference_probe.detector import Normal
from inference_probe.timing import Clocks

log = logging.getLogger(__name__)

WRITING: Final = threading.Lock()


class Known(Section):
    """What is known of one device: by clocks and kernel what is normal, by kernel its results."""

    normal: dict[Clocks, dict[str, Normal]] = Field(default_factory=dict)
    golden: dict[str, list[int]] = Field(default_factory=dict)


class Document(Section):
    """The whole file."""

    version: Literal[2] = 2
    devices: dict[str, Known] = Field(default_factory=dict)


class Baseline:
    """Normal times and right results of every kernel, for the surroundings that `key` names."""

    def __init__(self, path: Path, key: str, *, samples: int) -> None:
        self._path = path
        self._key = key
        self._wanted = samples
        self._learning: dict[tuple[Clocks, str], list[float]] = defaultdict(list)
        self._known = _read(path).devices.get(key, Known())

    def learn(self, kernel: str, seconds: float, clocks: Clocks = "raised") -> None:
        """Take one good sample into account until the kernel's baseline is known."""
        if self.normal(kernel, clocks) or seconds <= 0:
            return
        learned = self._learning[clocks, kernel]
        learned.append(seconds)
        if len(learned) >= self._wanted:
            self._known.normal.setdefault(clocks, {})[kernel] = Normal.of(learned)
            self._write()

    def normal(self, kernel: str, clocks: Clocks = "raised") -> Normal | None:
        """What is normal for a kernel at like clocks, once it is known."""
        return self._known.normal.get(clocks, {}).get(kernel)

    def slowdown(self, kernel: str, seconds: float, clocks: Clocks = "raised") -> float | None:
        """How many times slower than normal, or None while normal is not known."""
        known = self.normal(kernel, clocks)
        return seconds / known.seconds if known else None

    def golden(self, kernel: str) -> list[int]:
        """The right results of a kernel; none while they are not known."""
        return self._known.golden.get(kernel, [])

    def keep_golden(self, kernel: str, results: list[int]) -> None:
        """Keep results that repeated, unless some are kept."""
        if kernel not in self._known.golden:
            self._known.golden[kernel] = results
            self._write()

    def _write(self) -> None:
        # Another device's probe may share the file: read what it wrote, replace only our part.
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with WRITING:
            devices = {**_read(self._path).devices, self._key: self._known}
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                text = Document(devices=devices).model_dump_json(indent=2)
                fresh.write_text(text + "\n", encoding="utf-8")
                fresh.replace(self._path)
            except OSError as error:
                log.warning("the kernel baseline is kept in memory only: %s", error)


def _read(path: Path) -> Document:
    try:
        return Document.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Document()
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        _set_aside(path, str(error).partition("\n")[0])
        return Document()


def _set_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.name}.unreadable")
    try:
        path.replace(aside)
    except OSError:  # a folder in the way, or not ours: it stays where it is
        aside = path
    log.warning(
        "the kernel baseline %s cannot be read and is learned anew (%s); see %s", path, why, aside
    )
