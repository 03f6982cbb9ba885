"""What is normal on this device: the median of its first good samples, kept in a file.

A baseline belongs to one device, driver, torch and set of shapes, and is never used across them.
"""

from __future__ import annotations

import json
import logging
import os
from collections import defaultdict
from pathlib import Path
from statistics import median

log = logging.getLogger(__name__)


class Baseline:
    """Seconds per launch by kernel, for the surroundings that `key` names."""

    def __init__(self, path: Path, key: str, *, samples: int) -> None:
        self._path = path
        self._key = key
        self._wanted = samples
        self._learning: dict[str, list[float]] = defaultdict(list)
        self._known: dict[str, float] = _read(path).get(key, {})

    def learn(self, kernel: str, seconds: float) -> None:
        """Take one good sample into account until the kernel's baseline is known."""
        if kernel in self._known:
            return
        learned = self._learning[kernel]
        learned.append(seconds)
        if len(learned) >= self._wanted:
            self._known[kernel] = median(learned)
            self._write()

    def slowdown(self, kernel: str, seconds: float) -> float | None:
        """How many times slower than normal, or None while normal is not known."""
        known = self._known.get(kernel)
        return seconds / known if known else None

    def _write(self) -> None:
        # Another device's probe may share the file: read what it wrote, replace only our part.
        merged = {**_read(self._path), self._key: self._known}
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            log.warning("the kernel baseline is kept in memory only: %s", error)


def _read(path: Path) -> dict[str, dict[str, float]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(key): {str(kernel): float(seconds) for kernel, seconds in known.items()}
            for key, known in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("the kernel baseline %s cannot be read and is learned anew: %s", path, error)
        return {}
