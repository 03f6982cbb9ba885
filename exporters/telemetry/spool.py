"""What the store would not take yet, kept on disk in order until it does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO

import orjson

from exporters.telemetry.document import Line

log = logging.getLogger(__name__)

LOCK = "lock"
POISON = "poison.ndjson"
POISON_BYTES = 8 * 2**20
"""Refused documents are kept for a person to look at, up to here."""

TRIES = 100
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_NAME = re.compile(r"(\d{12})-([a-z0-9_.-]+)\.spool")
"""A segment holds the documents of one index, so that one that is blocked delays no other."""


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
        self._open: dict[str, Path] = {}

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def size(self) -> int:
        return sum(self._sizes.values())

    @property
    def indices(self) -> set[str]:
        """The indices that documents wait for."""
        return {_index(path) for path in self._sizes}

    def append(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Keep the lines; return those for which there is no room."""
        texts = [line.bulk() for line in lines]
        if sum(map(len, texts)) > self._max_bytes - self.size:
            self._recount()
        room = self._max_bytes - self.size
        fitting = sum(end <= room for end in accumulate(map(len, texts)))
        lost = list(lines[fitting:])
        for index in dict.fromkeys(line.index for line in lines[:fitting]):
            chosen = [n for n, line in enumerate(lines[:fitting]) if line.index == index]
            if not self._write(index, b"".join([texts[n] for n in chosen])):
                lost += [lines[n] for n in chosen]
        return lost

    def _write(self, index: str, text: bytes) -> bool:
        self._own_again()
        path = self._segment(index)
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
        self._open.pop(_index(path), None)
        with contextlib.suppress(OSError):
            self._sizes[path] = path.stat().st_size

    def _recount(self) -> None:
        """Look again at what is on disk, should someone have cleaned up."""
        self._sizes = {path: size for path, size in self._sizes.items() if path.exists()}

    def _own_again(self) -> None:
        """Make and lock the folder anew after someone removed it, lock and all."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._lock.fileno()), (self._folder / LOCK).stat()):
                return
        try:
            folder, lock = _own_folder(self._wanted)
            sizes = _sizes(folder)
        except OSError as error:
            log.warning("cannot make the spool %s again: %s", self._folder, error)
            return
        log.warning("the spool %s was removed; %s takes its place", self._folder, folder)
        self._lock.close()
        self._folder, self._lock, self._sizes, self._open = folder, lock, sizes, {}

    def _segment(self, index: str) -> Path:
        path = self._open.get(index)
        if path is None or self._sizes.get(path, 0) >= self._segment_bytes:
            path = self._open[index] = self._next(index)
        return path

    def _next(self, index: str) -> Path:
        last = int(max(self._sizes, default=Path("0")).name[:12])
        return self._folder / f"{last + 1:012d}-{index}.spool"

    def oldest(self, may_go: Callable[[str], bool]) -> tuple[Path, list[Line]] | None:
        """Return the oldest segment whose index may go, and never append to it again.

        Segments that cannot be read are put aside for a person. Raises OSError when it is this
        process that lacks files or memory.
        """
        while ready := [path for path in self._sizes if may_go(_index(path))]:
            path = min(ready)
            if path == self._open.get(_index(path)):
                del self._open[_index(path)]
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
        path = self._folder / POISON
        told = {"index": line.index, "id": line.id, "reason": reason}
        text = orjson.dumps(told)[:-1] + b',"document":' + line.document + b"}\n"
        try:
            if not path.exists() or path.stat().st_size + len(text) <= POISON_BYTES:
                with path.open("ab") as file:
                    file.write(text)
        except OSError as error:
            log.warning("cannot set a refused document aside in %s: %s", path, error)

    def adopt(self) -> bool:
        """Take over what one process that is gone left beside us; False if nobody left anything.

        A restarted process often has another name: what it left would wait for ever. No more is
        taken than there is room for.
        """
        for folder in sorted(self._wanted.parent.iterdir()):
            if folder != self._folder and (folder / LOCK).is_file():
                with contextlib.suppress(OSError):  # taken or removed by another in this moment
                    if self._take_over(folder):
                        return True
        return False

    def _take_over(self, folder: Path) -> bool:
        lock = _lock(folder)
        if lock is None:
            return False
        with lock:
            before = len(self._sizes)
            for path, size in _sizes(folder).items():
                if size <= self._max_bytes - self.size:
                    mine = self._next(_index(path))
                    path.rename(mine)
                    self._sizes[mine] = size
            if (folder / POISON).exists():
                (folder / POISON).rename(self._folder / f"poison-{folder.name}.ndjson")
            if not _sizes(folder):
                _remove(folder)
        has_taken = len(self._sizes) > before
        if has_taken:
            log.warning("took over the spool %s, which its process left behind", folder)
        return has_taken

    def close(self) -> None:
        """Let another process have the folder."""
        self._lock.close()


def _sizes(folder: Path) -> dict[Path, int]:
    ours = sorted(path for path in folder.glob("*.spool") if _NAME.fullmatch(path.name))
    return {path: path.stat().st_size for path in ours}


def _index(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    return match[2] if match else ""


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something else lies there: let it
        (folder / LOCK).unlink()
        folder.rmdir()


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
        if (lock := _made_and_locked(candidate)) is not None:
            return candidate, lock
    raise OSError(f"no free spool folder beside {folder}")


def _made_and_locked(folder: Path) -> IO[bytes] | None:
    for _ in range(TRIES):
        # Another may remove it at any moment before it is locked, also within mkdir.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _lock(folder)
    return None


def _lock(folder: Path) -> IO[bytes] | None:
    """Lock a folder; None if another process has it. Raises OSError if it is being removed."""
    lock = (folder / LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever took the folder over may have removed the file that we hold.
        if os.path.samestat(os.fstat(lock.fileno()), (folder / LOCK).stat()):
            os.set_inheritable(lock.fileno(), False)
            return lock
    except BlockingIOError:
        lock.close()
        return None
    except OSError:
        lock.close()
        raise
    lock.close()
    return None
