"""One worker's values in a file that its siblings can read, and that outlives its sudden death.

Two files for each worker: `ID.values`, floats that the worker writes through a memory map, and
`ID.keys`, which says line by line whose they are. The values are locked for as long as the worker
lives; the kernel unlocks them however it ends, so that a reader knows the dead from the living.
The folder must be on this machine (`/run`, `/dev/shm`), not on a network.
"""

from __future__ import annotations

import fcntl
import json
import math
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, cast

from exporters.catalog.signal import Histogram, Signal
from exporters.errors import UsageError
from exporters.exposition.storage import Cell

FLOAT = 8
SEGMENT = max(65536, mmap.ALLOCATIONGRANULARITY)
"""Bytes by which a values file grows."""

FOLDER_LOCK = "lock"
STARTED = "started"


class SharedCells:
    """Cells of one worker, in files under `folder`.

    Raises UsageError where the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._begin()
        except OSError as error:
            raise UsageError(
                f"workers cannot share values in {folder}: {error.strerror or error}; "
                "name a folder on this machine that all of them may write"
            ) from None

    def take(self, signal: Signal, values: tuple[str, ...], size: int) -> Cell:
        with self._lock:
            found = self._cells.get((signal.name, values))
            if found is None:
                found = self._allot(signal, values, size)
            elif math.isnan(found[0]):
                found[0] = 0.0
            return found

    def give_back(self, signal: Signal, values: tuple[str, ...]) -> None:
        """A gauge has ended: NaN stands for no series. What was counted stays counted."""
        cell = self._cells.get((signal.name, values))
        if cell is not None and signal.type == "gauge":
            cell[0] = math.nan

    def begin_again(self) -> None:
        """In a forked child: leave the parent's files to the parent."""
        self._close()
        self._lock = Lock()
        self._begin()

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        with suppress(OSError, AttributeError):  # a folder that could not be opened
            os.close(self._values)
            os.close(self._keys)

    def _begin(self) -> None:
        self.worker = f"{os.getpid()}-{time.time_ns():x}"
        self._cells: dict[tuple[str, tuple[str, ...]], Cell] = {}
        self._families: dict[str, int] = {}
        self._used = self._size = 0
        with locked(self.folder):
            path = self.folder / f"{self.worker}.values"
            self._keys = os.open(
                path.with_suffix(".keys"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
            )
            if not any(is_alive(other) for other in self.folder.glob("*.values")):
                (self.folder / STARTED).write_text(repr(time.time()))
            self._values = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._values, fcntl.LOCK_EX)

    def _allot(self, signal: Signal, values: tuple[str, ...], size: int) -> Cell:
        needed = size * FLOAT
        if self._used + needed > self._size:
            self._used = self._size  # no cell lies across two segments
            # Reserved, not only stretched: writing into a hole of a full disk would kill us.
            os.posix_fallocate(self._values, self._size, SEGMENT)
            mapped = mmap.mmap(self._values, SEGMENT, offset=self._size)
            self._segment, self._size = memoryview(mapped).cast("d"), self._size + SEGMENT
        start = (self._used - (self._size - SEGMENT)) // FLOAT
        cell = cast("Cell", self._segment[start : start + size])
        self._write_key(signal, values, self._used // FLOAT, size)
        self._used += needed
        self._cells[signal.name, values] = cell
        return cell

    def _write_key(self, signal: Signal, values: tuple[str, ...], at: int, size: int) -> None:
        lines = ""
        family = self._families.get(signal.name)
        if family is None:
            family = self._families[signal.name] = len(self._families)
            lines = json.dumps(described(signal)) + "\n"
        lines += json.dumps([family, at, size, *values]) + "\n"
        os.write(self._keys, lines.encode())


def described(signal: Signal) -> dict[str, Any]:
    """A signal as JSON."""
    told = {
        "type": signal.type, "name": signal.name, "help": signal.help,
        "labels": signal.labels, "unit": signal.unit,
    }  # fmt: skip
    return {**told, "buckets": signal.buckets} if isinstance(signal, Histogram) else told


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder: nobody else begins, reads or folds meanwhile."""
    lock = os.open(folder / FOLDER_LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def is_alive(values: Path) -> bool:
    """Whether the worker that writes this file still lives."""
    try:
        with values.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False
