"""One request and its response, timed from the request's headers to the answer's last byte.

The protocols' adapters (ASGI, websocket, WSGI, gRPC) tell what goes by; what it means is here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from exporters.catalog.requests import INTER_TOKEN_LATENCY
from exporters.requests import usage
from exporters.requests.metrics import RequestMetrics, TrackedRequest
from exporters.requests.outcome import outcome_of_status
from exporters.requests.usage import KEY, TAIL_BYTES

GAP_BOUNDS = INTER_TOKEN_LATENCY.buckets
HANG_UP_SECONDS = 0.05
"""Nobody hangs up on answers faster than this: they are spared the question."""


class Exchange(TrackedRequest):
    """What goes by between one client and the app.

    It is the request's annotations too: one object for each request costs half of two.
    """

    scope: Any = None
    """What the route is told from, by `route_of`, once the answer is over."""

    route_of: Callable[[Any], str | None] | None = None
    _status = 0
    _first = 0.0
    _last = 0.0
    _gaps: list[int] | None = None
    _end: Any = b""
    _before_end: Any = b""
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
            seconds = perf_counter() - self._start
            if outcome is None:
                outcome = "ok" if self._status < 400 else outcome_of_status(self._status)
            route_of = self.route_of
            if route_of is not None and self.route is None:
                try:
                    self.route = route_of(self.scope)
                except Exception:  # noqa: BLE001 - a framework's inside may change
                    self.metrics.failed()
            if self._gaps is not None:
                self._read_usage()
                streaming = (self._first - self._start, self._last - self._first, self._gaps)
                self.metrics.finished(self, outcome, status, seconds, streaming)
            else:
                if self._end and self._end.rfind(KEY, -TAIL_BYTES) >= 0:
                    self._read_usage()
                self.metrics.finished(self, outcome, status, seconds)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    @property
    def has_begun(self) -> bool:
        """Whether a piece of a streamed answer was handed over."""
        return self._gaps is not None

    def has_lasted(self) -> bool:
        """Whether the client has waited long enough to have given up."""
        return perf_counter() - self._start >= HANG_UP_SECONDS

    def has_rested(self) -> bool:
        """Whether the client could give up since the last piece was sent."""
        return perf_counter() - self._last >= HANG_UP_SECONDS

    def _read_usage(self) -> None:
        if self.prompt_tokens is not None and self.generated_tokens is not None:
            return
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


class ThreadedExchange(Exchange):
    """An exchange whose neighbours run in other threads: its counting takes a lock."""

    def open(self, model: str | None = None) -> None:
        """Count the arrival."""
        with self.metrics.serial:
            self.metrics.arrived(self, model)

    def close(self, outcome: str | None, status: int | str) -> None:
        with self.metrics.serial:
            if not self.is_complete:
                self.is_complete = True
                super().close(outcome, status)

    def _named(self, model: str) -> None:
        with self.metrics.serial:
            super()._named(model)
