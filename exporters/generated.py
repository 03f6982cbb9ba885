"""Files made from code: written below a folder, or held against what lies there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Generated:
    """Texts by their paths below `folder`, and the command that writes them.

    `alone`: every other file in the folders they lie in is left over from an earlier time.
    """

    folder: Path
    texts: Mapping[str, str]
    command: str
    alone: bool = True

    def write(self) -> list[Path]:
        """Write them all, making folders as needed; return their paths."""
        for name, text in self.texts.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")
        return [self.folder / name for name in self.texts]

    def stale(self) -> list[str]:
        """One line for each file that is left over, missing, or not what `write` would write."""
        return [*self._left_over(), *self._outdated()]

    def _left_over(self) -> Iterator[str]:
        if self.alone:
            wanted = {self.folder / name for name in self.texts}
            folders = {self.folder, *(path.parent for path in wanted)}
            there = {path for folder in folders for path in folder.glob("*") if path.is_file()}
            for path in sorted(there - wanted):
                yield f"{path} belongs to nothing any more; delete it"

    def _outdated(self) -> Iterator[str]:
        for name, text in self.texts.items():
            path = self.folder / name
            if not path.exists():
                yield f"{path} is missing; make it with `{self.command}`"
            elif path.read_text(encoding="utf-8") != text:
                yield f"{path} is stale; renew it with `{self.command}`"
