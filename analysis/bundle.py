"""Find the evidence of one verdict among the folders that `busysignal watch` keeps."""

from __future__ import annotations

from pathlib import Path

from exporters.errors import UsageError


def newest(folder: Path) -> Path:
    """The folder itself if it holds a verdict, else the one inside it with the newest verdict.

    Raises UsageError when there is no verdict in either place.
    """
    if (folder / "verdict.json").is_file():
        return folder
    found = {path.stat().st_mtime_ns: path.parent for path in sorted(folder.glob("*/verdict.json"))}
    if not found:
        raise UsageError(
            f"{str(folder)!r} holds no verdict; name the folder that [watch] verdicts names, "
            "or one inside it"
        )
    return found[max(found)]
