"""One page of Prometheus text over several sources."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from exporters.catalog.foreign import PROCESS_START
from exporters.exposition.text import header, sample_prefix
from exporters.exposition.text import openmetrics as openmetrics_of_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STARTED = time.time()
START = f"# TYPE {PROCESS_START.name} "
PIECE_CHARACTERS = 65_536
"""A page is encoded, and sent, in pieces of about this size."""


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
        return b"".join(self._pieces(openmetrics=openmetrics))

    def answer(self, accept: str | None) -> tuple[bytes, str]:
        """The page and its content type, in the format that an Accept header asks for."""
        pieces, content_type = self.pieces(accept)
        return b"".join(pieces), content_type

    def pieces(self, accept: str | None) -> tuple[list[bytes], str]:
        """The same page in pieces, at least one: a long one is never copied as a whole."""
        wanted = accept is not None and "application/openmetrics-text" in accept
        pieces = list(self._pieces(openmetrics=wanted))
        return pieces, OPENMETRICS_TYPE if wanted else CONTENT_TYPE

    def _pieces(self, *, openmetrics: bool) -> Iterator[bytes]:
        waiting: list[str] = []
        size, starts = 0, False
        for source in self._sources:
            for part in _parts(source, openmetrics=openmetrics):
                starts = starts or (part.startswith("#") and START in part)
                waiting.append(part)
                size += len(part)
                if size >= PIECE_CHARACTERS:
                    yield _encoded(waiting)
                    waiting, size = [], 0
        if not starts:
            start = f"{header(PROCESS_START)}{sample_prefix(PROCESS_START, '', ())}{STARTED!r}\n"
            waiting.append(start)
        if openmetrics:
            waiting.append("# EOF\n")
        yield _encoded(waiting)


def _encoded(parts: list[str]) -> bytes:
    return "".join(parts).encode("utf-8", "replace")


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
