"""The one error of all sources: which server, what it did, what to do."""

from __future__ import annotations

import re

from exporters.errors import BusySignalError

LONGEST = 500

CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
"""User and password in an address: what is told of a source goes to logs, bundles and people."""


class SourceError(BusySignalError):
    """A source could not be read; `status` is the HTTP status where there was one."""

    exit_code = 3

    def __init__(
        self, source: str, url: str, problem: str, advice: str, status: int | None = None
    ) -> None:
        said = " ".join(problem.split())[:LONGEST]  # a server's own words may be a page
        super().__init__(CREDENTIALS.sub("", f"{source} at {url} {said}; {advice}"))
        self.url = url
        self.status = status


class BusyError(Exception):
    """The server asks for patience; `pause_seconds` is how much it asked for."""

    def __init__(self, why: str, pause_seconds: float = 0.0) -> None:
        super().__init__(why)
        self.pause_seconds = pause_seconds
