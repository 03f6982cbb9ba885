"""One request and its response, timed from the request's headers to the answer's last byte.

The protocols' adapters (ASGI, websocket, WSGI, gRPC) tell what goes by; what it means is here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from time import perf_counter

from exporters.catalog.requests import INTER_TOKEN_LATENCY
from exporters.requests import usage
from exporters.requests.metrics import RequestMetrics, TrackedRequest
from exporters.requests.outcome import outcome_of_status

GAP_BOUNDS = INTER_TOKEN_LATENCY.buckets
HANG_UP_SECONDS = 0.05
"""Nobody hangs up on answers faster than this: they are spared the question."""


class Exchange(TrackedRequest):
    """What goes by between one client and the app.

    It is the request's annotations too: one object for each request costs half of two.
    """

    is_complete = False
    _status = 0
    _first = 0.0
    _last = 0.0
    _gaps: list[int] | None = None
    _end: object = b""
    _before_end: object = b""
    _headers: Iterable[tuple[bytes, bytes]] = ()

    def __init__(self, metrics: RequestMetrics, start: float) -> None:
        self.metrics = metrics
        self._start = start

    def chunk(self, body: object) -> None:
        """A piece of a streamed answer is about to be sent.

        The last two pieces are kept until the end, for the usage that may stand there.
        """
        now = perf_counter()
        if self._gaps is not None:
            self._gaps[bisect_left(GAP_BOUNDS, now - self._last)] += 1
        else:
            self._gaps = [0] * (len(GAP_BOUNDS) + 1)
            self._first = now
        self._last = now
        self._before_end = self._end
        self._end = body

    def close(self, outcome: str | None, status: int | str) -> None:
        """Count the request; without an outcome it is the status's."""
        try:
            outcome = outcome or outcome_of_status(self._status)
            seconds = perf_counter() - self._start
            if self._end and (self.generated_tokens is None or self.prompt_tokens is None):
                self._read_usage()
            gaps = self._gaps
            if gaps is None:
                self.metrics.finished(self, outcome, status, seconds)
            else:
                streaming = (self._first - self._start, self._last - self._first, gaps)
                self.metrics.finished(self, outcome, status, seconds, streaming)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def has_lasted(self) -> bool:
        """Whether the client has waited long enough to have given up."""
        return perf_counter() - self._start >= HANG_UP_SECONDS

    def _read_usage(self) -> None:
        found = usage.read(self._end) or usage.read(self._before_end)
        if found is not None:
            if self.prompt_tokens is None:
                self.prompt_tokens = found.prompt
                if self.cached_tokens is None:
                    self.cached_tokens = found.cached
            if self.generated_tokens is None:
                self.generated_tokens = found.generated
        if (
            self.generated_tokens is None
            and self._gaps is not None
            and usage.is_event_stream(self._headers)
        ):
            self.generated_tokens = sum(self._gaps) + 1 - usage.is_done_marker(self._end)
