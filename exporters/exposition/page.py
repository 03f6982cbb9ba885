"""One page of Prometheus text over several sources."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from exporters.catalog.foreign import PROCESS_START
from exporters.exposition.text import header, sample_prefix
from exporters.exposition.text import openmetrics as openmetrics_of_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STARTED = time.time()
START = f"\n{PROCESS_START.name} ".encode()


class Source(Protocol):
    """Anything that writes metrics as Prometheus text."""

    def collect_text(self) -> str:
        """Write all families as text 0.0.4, each with HELP and TYPE."""


class Exposition:
    """One page over several sources, with this process's start time once."""

    def __init__(self, *sources: Source) -> None:
        self._sources = sources

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Write the whole page, as text 0.0.4 or as OpenMetrics 1.0."""
        # Encoded part by part: one long string would be copied with the interpreter's lock held.
        parts = [
            part.encode("utf-8", "replace")
            for source in self._sources
            for part in _parts(source, openmetrics=openmetrics)
        ]
        if not any(START in part for part in parts):
            start = f"{header(PROCESS_START)}{sample_prefix(PROCESS_START, '', ())}{STARTED!r}\n"
            parts.append(start.encode())
        if openmetrics:
            parts.append(b"# EOF\n")
        return b"".join(parts)

    def answer(self, accept: str | None) -> tuple[bytes, str]:
        """The page and its content type, in the format that an Accept header asks for."""
        wanted = accept is not None and "application/openmetrics-text" in accept
        return self.render(openmetrics=wanted), OPENMETRICS_TYPE if wanted else CONTENT_TYPE


def _parts(source: Source, *, openmetrics: bool) -> Iterable[str]:
    """A source's page in parts where it has them; its own OpenMetrics, or its text rewritten."""
    parts = getattr(source, "parts", None)
    if parts is not None:
        found: Iterable[str] = parts(openmetrics=openmetrics)
        return found
    if not openmetrics:
        return [source.collect_text()]
    own = getattr(source, "collect_openmetrics", None)
    return [own() if own is not None else openmetrics_of_text(source.collect_text())]
