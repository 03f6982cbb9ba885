"""Spans and logs from the embedded store: files of documents, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import polars as pl

from analysis.sources.errors import SourceError
from analysis.sources.gap import Gap
from analysis.sources.shapes import log_frame, span_frame
from analysis.sources.source import LIMIT
from analysis.sources.values import Hit
from analysis.sources.window import cut, state_problems


class StoreSource:
    """Reads `traces-*.ndjson` and `logs-*.ndjson` under `folder`, while others write them."""

    def __init__(self, folder: Path) -> None:
        self.name = "store"
        self.gaps: list[Gap] = []
        self._folder = folder.expanduser()

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start."""
        frame, problems = span_frame(self._hits("traces", start_ns))
        state_problems(self.gaps, self.name, "spans", problems)
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time."""
        frame, problems = log_frame(self._hits("logs", start_ns))
        state_problems(self.gaps, self.name, "logs", problems)
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def _hits(self, stem: str, start_ns: int) -> Iterator[Hit]:
        if not self._folder.is_dir():
            raise SourceError(
                "the store", str(self._folder), "is not a folder",
                "name the folder that [telemetry] store_dir names, or start the service first",
            )  # fmt: skip
        files = sorted(self._folder.glob(f"{stem}-*.ndjson"))
        if not files:
            self.gaps.append(Gap(self.name, f"no {stem}-*.ndjson in {self._folder}"))
        for path in files:
            # A file that was last written before the window holds nothing of it.
            if path.stat().st_mtime_ns >= start_ns:
                yield from self._read(path)

    def _read(self, path: Path) -> Iterator[Hit]:
        broken = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break  # being written just now
                try:
                    document = orjson.loads(line)
                except orjson.JSONDecodeError:
                    broken += 1
                    continue
                if isinstance(document, dict):
                    yield Hit(path.name, str(number), document)
                else:
                    broken += 1
        if broken:
            self.gaps.append(Gap(self.name, f"{broken} lines of {path.name} are not JSON objects"))
