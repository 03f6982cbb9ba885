"""The folders in which `busysignal watch` keeps verdicts with their evidence."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from analysis.evidence import Evidence
from analysis.verdict import Verdict
from exporters.errors import UsageError

VERDICT = "verdict.json"
PAGE = "verdict.html"
TORN_SECONDS = 3600.0


def newest(folder: Path) -> Path:
    """The folder itself if it holds a verdict, else the one inside it with the newest verdict.

    Raises UsageError when there is no verdict in either place.
    """
    if (folder / VERDICT).is_file():
        return folder
    found = folders(folder)
    if not found:
        raise UsageError(
            f"{str(folder)!r} holds no verdict; name the folder that [watch] verdicts names, "
            "or one inside it"
        )
    return found[0]


def folders(verdicts: Path) -> list[Path]:
    """Every folder that holds a whole verdict, the newest first; ties by name."""
    dated = [(_written_ns(path), path.parent) for path in sorted(verdicts.glob(f"*/{VERDICT}"))]
    return [path for when, path in sorted(dated, key=lambda item: -item[0]) if when]


def folder_of(verdicts: Path, verdict_id: str) -> Path:
    """The folder of a verdict, by its id or the beginning of one; `latest` is the newest.

    Raises UsageError when there is none, or the beginning fits several.
    """
    if verdict_id == "latest":
        return newest(verdicts)
    found = [path for path in folders(verdicts) if path.name.startswith(verdict_id)]
    ids = sorted({path.name.rpartition("-")[0] for path in found})
    if not found or not verdict_id:
        raise UsageError(
            f"no verdict {verdict_id!r} in {str(verdicts)!r}; `busysignal verdict list` tells them"
        )
    if len(ids) > 1:
        raise UsageError(f"{verdict_id!r} fits {', '.join(ids[:5])}; give more of the id")
    return found[0]


def write(folder: Path, evidence: Evidence, verdict: Verdict, page: str) -> None:
    """Write evidence, page and verdict; the verdict last, so that a folder with one is whole.

    Raises OSError when the disk does not take it.
    """
    evidence.save(folder)
    (folder / PAGE).write_text(page, encoding="utf-8")
    part = folder / f"{VERDICT}.part"
    part.write_text(verdict.to_json(), encoding="utf-8")
    part.replace(folder / VERDICT)


def prune(verdicts: Path, *, before_ns: int, keep_bytes: int, but: Collection[Path]) -> int:
    """Remove the oldest folders: those from before `before_ns`, and those over `keep_bytes`.

    Folders in `but` stay, and so does whatever is no verdict's. Returns how many went.
    """
    gone, kept = 0, 0
    stay = {path.resolve() for path in but}
    for torn in _torn(verdicts):
        shutil.rmtree(torn, ignore_errors=True)
    for folder in folders(verdicts):
        size = _bytes(folder)
        old = _written_ns(folder / VERDICT) < before_ns or kept + size > keep_bytes
        if old and folder.resolve() not in stay:
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
        else:
            kept += size
    return gone


def _torn(verdicts: Path) -> list[Path]:
    """Folders of verdicts that a crash left without one, and that nobody writes any more."""
    before = time.time() - TORN_SECONDS
    return [
        path
        for path in verdicts.glob("v-*-*")
        if path.is_dir() and not (path / VERDICT).exists() and path.stat().st_mtime < before
    ]


def _bytes(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except FileNotFoundError:
        return 0


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
