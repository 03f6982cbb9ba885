"""What people say of verdicts: kept for good, read back as labelled cases."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from analysis.bundle import VERDICT, folder_of, folders
from analysis.verdict import Verdict
from exporters.catalog.kinds import KINDS
from exporters.errors import UsageError

FILE = "feedback.jsonl"
"""Beside the verdicts' folders; a line is only ever added, and the last one of a verdict counts."""

Says = Literal["confirm", "reject"]


@dataclass(frozen=True)
class Truth:
    """A cause as a person named it; `entity` is "" where only the kind is known."""

    kind: str
    entity: str = ""

    def __str__(self) -> str:
        return f"{self.kind}@{self.entity}" if self.entity else self.kind


@dataclass(frozen=True)
class Word:
    """One person's word on one verdict; `cause` is what it really was, if they said."""

    ts_ns: int
    verdict: str
    says: Says
    cause: Truth | None = None
    by: str = ""

    def __str__(self) -> str:
        cause = f", it was {self.cause}" if self.cause else ""
        return f"{self.verdict} {self.says}ed{cause}"


@dataclass(frozen=True)
class Labelled:
    """A verdict with what was true: a case to calibrate on.

    `truth` is None where a person only said that the verdict's first cause was not it.
    """

    verdict: Verdict
    truth: Truth | None
    folder: Path

    @property
    def right(self) -> bool:
        """Whether the cause at rank 1 is the truth; an unnamed entity matches any."""
        first = self.verdict.first
        if first is None or self.truth is None:
            return False
        return first.kind == self.truth.kind and self.truth.entity in ("", first.entity)


def parse_cause(text: str) -> Truth:
    """`KIND` or `KIND@ENTITY`; raises UsageError for a kind that the catalogue does not know."""
    kind, _, entity = text.partition("@")
    if kind not in KINDS:
        raise UsageError(f"--cause {text!r} names no kind of cause; allowed: {', '.join(KINDS)}")
    return Truth(kind, entity)


def say(verdicts: Path, verdict_id: str, says: Says, cause: Truth | None, by: str = "") -> Word:
    """Keep a word on a verdict that exists; to confirm means its first cause unless one is given.

    Raises UsageError when there is no such verdict, or nothing in it to confirm.
    """
    verdict = read(verdicts, verdict_id)
    if says == "confirm" and cause is None:
        if verdict.first is None:
            raise UsageError(
                f"{verdict_id} names no cause to confirm; say what it was with --cause KIND@ENTITY"
            )
        cause = Truth(verdict.first.kind, verdict.first.entity)
    word = Word(time.time_ns(), verdict.id, says, cause, by)
    line = json.dumps(asdict(word), ensure_ascii=False) + "\n"
    try:
        _append(verdicts / FILE, line.encode())
    except OSError as error:
        raise UsageError(
            f"{str(verdicts / FILE)!r} cannot be written: {error.strerror}; "
            "run it as the user that runs `busysignal watch`"
        ) from None
    return word


def words(verdicts: Path) -> dict[str, Word]:
    """The last word on each verdict; a line cut off by a crash is left out."""
    try:
        lines = (verdicts / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {word.verdict: word for line in lines if (word := _word(line))}


def labelled(verdicts: Path) -> Iterator[Labelled]:
    """Every verdict that a person spoke of and whose folder is still there, by verdict id."""
    said = words(verdicts)
    for folder in folders(verdicts):
        verdict = load(folder)
        if verdict is not None and (word := said.get(verdict.id)):
            yield Labelled(verdict, word.cause, folder)


def read(verdicts: Path, verdict_id: str) -> Verdict:
    """A verdict by its id; raises UsageError when there is none, or its file is none."""
    folder = folder_of(verdicts, verdict_id)
    try:
        return Verdict.from_json((folder / VERDICT).read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{str(folder / VERDICT)!r} is no verdict: {type(error).__name__}; name another"
        ) from None


def load(folder: Path) -> Verdict | None:
    """The verdict in a folder; None where it cannot be read (being removed, or cut off)."""
    try:
        return Verdict.from_json((folder / VERDICT).read_bytes())
    except (OSError, ValidationError):
        return None


def _append(path: Path, line: bytes) -> None:
    """One write in append mode: lines of two people do not mix. A torn last line is closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" + line if torn else line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _word(line: str) -> Word | None:
    try:
        told = json.loads(line)
        cause = Truth(**told["cause"]) if told["cause"] else None
        return Word(told["ts_ns"], told["verdict"], told["says"], cause, told["by"])
    except (ValueError, KeyError, TypeError):
        return None
