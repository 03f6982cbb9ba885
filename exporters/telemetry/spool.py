"""What the store would not take yet, kept on disk in order until it does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO

import orjson

from exporters.telemetry.document import Line

log = logging.getLogger(__name__)

POISON_BYTES = 8 * 2**20
"""Refused documents are kept for a person to look at, up to here."""

_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Spool:
    """Segments of bulk lines in one folder that belongs to one process at a time.

    A crash leaves at worst one unfinished line, which is skipped. A crash between delivery and
    deletion sends a segment twice; the documents' ids make that harmless.
    """

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = 4 * 2**20) -> None:
        self._wanted = folder
        self._folder, self._lock = _own_folder(folder)
        self._max_bytes = max_bytes
        self._segment_bytes = min(segment_bytes, max_bytes)
        self._sizes = _sizes(self._folder)
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
        texts = [line.bulk() for line in lines]
        if sum(map(len, texts)) > self._max_bytes - self.size:
            self._recount()
        room = self._max_bytes - self.size
        fitting = sum(end <= room for end in accumulate(map(len, texts)))
        return lines[fitting:] if self._write(b"".join(texts[:fitting])) else lines

    def _write(self, text: bytes) -> bool:
        if not text:
            return True
        self._own_again()
        path = self._segment()
        try:
            with path.open("ab") as file:
                file.write(text)
        except OSError as error:
            log.warning("cannot write to the spool %s: %s", self._folder, error)
            self._note_partial(path)
            return False
        self._sizes[path] = self._sizes.get(path, 0) + len(text)
        return True

    def _note_partial(self, path: Path) -> None:
        """Never append to a segment again that may end in the middle of a line."""
        self._open = None
        with contextlib.suppress(OSError):
            self._sizes[path] = path.stat().st_size

    def _recount(self) -> None:
        """Look again at what is on disk, should someone have cleaned up."""
        self._sizes = {path: size for path, size in self._sizes.items() if path.exists()}

    def _own_again(self) -> None:
        """Make and lock the folder anew after someone removed it, lock and all."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._lock.fileno()), (self._folder / "lock").stat()):
                return
        try:
            folder, lock = _own_folder(self._wanted)
            sizes = _sizes(folder)
        except OSError as error:
            log.warning("cannot make the spool %s again: %s", self._folder, error)
            return
        log.warning("the spool %s was removed; %s takes its place", self._folder, folder)
        self._lock.close()
        self._folder, self._lock, self._sizes, self._open = folder, lock, sizes, None

    def _segment(self) -> Path:
        if self._open is None or self._sizes.get(self._open, 0) >= self._segment_bytes:
            last = int(max(self._sizes, default=Path("0")).stem)
            self._open = self._folder / f"{last + 1:012d}.spool"
        return self._open

    def oldest(self) -> tuple[Path, list[Line]] | None:
        """Return the oldest segment and its lines, and never append to it again.

        Segments that cannot be read are put aside for a person. Raises OSError when it is this
        process that lacks files or memory.
        """
        while self._sizes:
            path = min(self._sizes)
            if path == self._open:
                self._open = None
            try:
                return path, list(_lines(path))
            except OSError as error:
                if error.errno in _OURS:
                    raise
                log.warning("%s cannot be read; what it held is not sent: %s", path, error)
                self._quarantine(path)
        return None

    def _quarantine(self, path: Path) -> None:
        del self._sizes[path]
        with contextlib.suppress(OSError):  # gone, or in a folder that is
            path.rename(path.with_suffix(".unreadable"))

    def settle(self, path: Path, left: Sequence[Line]) -> None:
        """Forget a segment but for the lines that are still to be delivered.

        Where the disk refuses, they may be sent again, which their ids make harmless.
        """
        try:
            if left:
                self._shorten(path, b"".join(line.bulk() for line in left))
                return
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot tidy the spool %s: %s", self._folder, error)
        if not left:  # even if the file stays: once a process is enough
            del self._sizes[path]

    def _shorten(self, path: Path, text: bytes) -> None:
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


def _sizes(folder: Path) -> dict[Path, int]:
    ours = sorted(path for path in folder.glob("*.spool") if path.stem.isdecimal())
    return {path: path.stat().st_size for path in ours}


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
