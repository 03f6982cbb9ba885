"""When each phase of a connection began and ended, from httpcore's trace events."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final

PHASE_OF: Final = {
    "connection.connect_tcp": "connect",
    "connection.start_tls": "tls",
}
SENDING: Final = "http11.send_request_headers.started"


class Phases:
    """Times of one attempt; `now` is the phase under way, and thus where a failure happened.

    `over_at` is when the answer was there; what comes later is tidying up.
    """

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.now = "resolve"
        self.sent_at: float | None = None
        self.over_at: float | None = None
        self._since = perf_counter()

    def begin(self, phase: str) -> None:
        self.now, self._since = phase, perf_counter()

    def end(self, following: str | None = None) -> float:
        """Note the phase under way as done and go on to the next; returns the moment."""
        moment = perf_counter()
        self.took[self.now] = moment - self._since
        self._since = moment
        self.now = following or self.now
        return moment

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Take httpcore's events (its documented extension `trace`)."""
        name, _, state = event.rpartition(".")
        phase = PHASE_OF.get(name)
        if phase is not None and state == "started":
            self.begin(phase)
        elif phase is not None and state == "complete":
            self.end()
        elif event == SENDING:
            self.begin("headers")
            self.sent_at = self._since
