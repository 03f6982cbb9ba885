"""One page of Prometheus text over several sources."""

from __future__ import annotations

import time
from typing import Protocol

from exporters.catalog.foreign import PROCESS_START
from exporters.exposition.text import header, sample_prefix

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STARTED = time.time()


class Source(Protocol):
    """Anything that writes metrics as Prometheus text."""

    def collect_text(self) -> str:
        """Write all families as text 0.0.4, each with HELP and TYPE."""


class Exposition:
    """One page over several sources, with this process's start time once."""

    def __init__(self, *sources: Source) -> None:
        self._sources = sources

    def render(self) -> bytes:
        """Write the whole page."""
        page = "".join([source.collect_text() for source in self._sources])
        if f"\n{PROCESS_START.name} " not in page:
            page += f"{header(PROCESS_START)}{sample_prefix(PROCESS_START, '', ())}{STARTED!r}\n"
        return page.encode("utf-8", "replace")
