"""One page of Prometheus text over several sources."""

from __future__ import annotations

import time
from typing import Protocol

from exporters.catalog.foreign import PROCESS_START
from exporters.exposition.text import header, sample_prefix
from exporters.exposition.text import openmetrics as openmetrics_of_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
STARTED = time.time()


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
        write = _openmetrics_of if openmetrics else _text_of
        pages = [write(source) for source in self._sources]
        if not any(f"\n{PROCESS_START.name} " in page for page in pages):
            pages.append(
                f"{header(PROCESS_START)}{sample_prefix(PROCESS_START, '', ())}{STARTED!r}\n"
            )
        if openmetrics:
            pages.append("# EOF\n")
        return b"".join([page.encode("utf-8", "replace") for page in pages])

    def answer(self, accept: str | None) -> tuple[bytes, str]:
        """The page and its content type, in the format that an Accept header asks for."""
        wanted = accept is not None and "application/openmetrics-text" in accept
        return self.render(openmetrics=wanted), OPENMETRICS_TYPE if wanted else CONTENT_TYPE


def _text_of(source: Source) -> str:
    return source.collect_text()


def _openmetrics_of(source: Source) -> str:
    """A source's own OpenMetrics, with exemplars, or its text rewritten."""
    own = getattr(source, "collect_openmetrics", None)
    return own() if own is not None else openmetrics_of_text(source.collect_text())
