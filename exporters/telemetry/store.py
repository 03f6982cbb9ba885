"""Documents into plain files: the embedded store, for where no Elasticsearch is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from exporters.telemetry.document import Line
from exporters.telemetry.section import TelemetrySection
from exporters.telemetry.sink import Outcome, Trouble

_STEMS = {"span": "traces", "log": "logs"}


class StoreSink:
    """Appends to `traces-*.ndjson` and `logs-*.ndjson`; a full file is left for a new one.

    Each process writes files of its own name, so that any number may share the folder.
    """

    def __init__(self, section: TelemetrySection, writer: str) -> None:
        self._folder = section.store_dir.expanduser()
        self.name = f"the store in {self._folder}"
        self._writer = writer
        self._file_bytes = section.store_file_bytes
        self._files = section.store_files

    def write(self, lines: Sequence[Line]) -> Outcome:
        """Append the lines, those of a kind all or none."""
        outcome = Outcome()
        for kind, stem in _STEMS.items():
            chosen = [line for line in lines if line.kind == kind]
            if not chosen:
                continue
            try:
                self._append(stem, b"".join(line.document + b"\n" for line in chosen))
                outcome.written += chosen
            except OSError as error:
                outcome.later += chosen
                outcome.trouble = Trouble("away", str(error))
        return outcome

    def _append(self, stem: str, text: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._current(stem), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            before = os.fstat(descriptor).st_size
            try:
                view = memoryview(text)
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def _current(self, stem: str) -> Path:
        files = sorted(self._folder.glob(f"{stem}-{self._writer}-*.ndjson"))
        if files and files[-1].stat().st_size < self._file_bytes:
            return files[-1]
        for old in files[: max(0, len(files) + 1 - self._files)]:
            old.unlink(missing_ok=True)
        number = int(files[-1].stem.rpartition("-")[2]) + 1 if files else 1
        return self._folder / f"{stem}-{self._writer}-{number:06d}.ndjson"

    def close(self) -> None:
        """Nothing stays open between writes."""
