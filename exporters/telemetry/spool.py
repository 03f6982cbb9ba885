"""What the store would not take yet, kept on disk in order until it does."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import orjson

from exporters.telemetry.document import Line

log = logging.getLogger(__name__)

POISON_BYTES = 8 * 2**20
"""Refused documents are kept for a person to look at, up to here."""


class Spool:
    """Segments of bulk lines in one folder that belongs to one process at a time.

    A crash leaves at worst one unfinished line, which is skipped. A crash between delivery and
    deletion sends a segment twice; the documents' ids make that harmless.
    """

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = 4 * 2**20) -> None:
        self._folder, self._lock = _own_folder(folder)
        self._max_bytes = max_bytes
        self._segment_bytes = min(segment_bytes, max_bytes)
        self._sizes = {path: path.stat().st_size for path in sorted(self._folder.glob("*.spool"))}
        # What an earlier process left may end in the middle of a line: never append to it.
        self._open: Path | None = None

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def size(self) -> int:
        return sum(self._sizes.values())

    def append(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Keep the lines; return those for which there is no room."""
        room = self._max_bytes - self.size
        texts: list[bytes] = []
        for line in lines:
            text = line.bulk()
            room -= len(text)
            if room < 0:
                break
            texts.append(text)
        return lines[len(texts) :] if self._write(b"".join(texts)) else lines

    def _write(self, text: bytes) -> bool:
        if not text:
            return True
        path = self._segment()
        try:
            with path.open("ab") as file:
                file.write(text)
        except OSError as error:
            log.warning("cannot write to the spool %s: %s", self._folder, error)
            self._open = None
            return False
        self._sizes[path] = self._sizes.get(path, 0) + len(text)
        return True

    def _segment(self) -> Path:
        if self._open is None or self._sizes.get(self._open, 0) >= self._segment_bytes:
            last = int(max(self._sizes, default=Path("0")).stem)
            self._open = self._folder / f"{last + 1:012d}.spool"
        return self._open

    def oldest(self) -> tuple[Path, list[Line]] | None:
        """Return the oldest segment and its lines, and never append to it again."""
        if not self._sizes:
            return None
        path = min(self._sizes)
        if path == self._open:
            self._open = None
        return path, list(_lines(path))

    def settle(self, path: Path, left: Sequence[Line]) -> None:
        """Forget a segment but for the lines that are still to be delivered."""
        if not left:
            path.unlink(missing_ok=True)
            del self._sizes[path]
            return
        text = b"".join(line.bulk() for line in left)
        rest = path.with_suffix(".rest")
        rest.write_bytes(text)
        rest.replace(path)
        self._sizes[path] = len(text)

    def set_aside(self, line: Line, reason: str) -> None:
        """Keep a document that will never be accepted, with the reason, for a person to read."""
        path = self._folder / "poison.ndjson"
        told = {"index": line.index, "id": line.id, "reason": reason}
        text = orjson.dumps(told)[:-1] + b',"document":' + line.document + b"}\n"
        try:
            if not path.exists() or path.stat().st_size + len(text) <= POISON_BYTES:
                with path.open("ab") as file:
                    file.write(text)
        except OSError as error:
            log.warning("cannot set a refused document aside in %s: %s", path, error)

    def close(self) -> None:
        """Let another process have the folder."""
        self._lock.close()


def _lines(path: Path) -> Iterator[Line]:
    texts = path.read_bytes().split(b"\n")
    for action, document in zip(texts[::2], texts[1::2], strict=False):
        try:
            target = orjson.loads(action)["create"]
            orjson.loads(document)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.warning("%s ends in an unfinished line, which is lost", path)
            return
        index = target["_index"]
        yield Line("span" if index.startswith("traces-") else "log", index, target["_id"], document)


def _own_folder(folder: Path) -> tuple[Path, IO[bytes]]:
    """Lock `folder`, or the first free one beside it: two processes never share a spool."""
    for number in range(1_000):
        candidate = folder if number == 0 else folder.with_name(f"{folder.name}.{number}")
        candidate.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (candidate / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        os.set_inheritable(lock.fileno(), False)
        return candidate, lock
    raise OSError(f"no free spool folder beside {folder}")
