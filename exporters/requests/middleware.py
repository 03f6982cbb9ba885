"""Raw ASGI middleware: watches messages go by, touches none, waits for none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from time import perf_counter

from exporters.exposition.app import App, Receive, Scope, Send
from exporters.requests.annotations import KEY
from exporters.requests.asgi import AsgiExchange
from exporters.requests.metrics import RequestMetrics

RETRY_HEADER = b"x-stainless-retry-count"
NAME = itemgetter(0)


class MetricsMiddleware:
    """Measures each request from its headers to its last byte: `MetricsMiddleware(app, metrics)`.

    `paths` are the exact paths to measure; None measures every POST but to /metrics and /-/...
    `model_of` may tell the model from the scope; the app can name it later through
    `annotations_of(scope).model`. Whatever fails in here is counted and kept from the request.
    """

    def __init__(
        self,
        app: App,
        metrics: RequestMetrics,
        *,
        paths: Collection[str] | None = None,
        model_of: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self._paths = None if paths is None else frozenset(paths)
        self._model_of = model_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self._open(scope, receive, send)
        if exchange is None:
            await self.app(scope, receive, send)
            return
        error: BaseException | None = None
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as raised:
            error = raised
            raise
        finally:
            if not exchange.is_complete:
                exchange.broke_off(error)
            error = None  # or frame and traceback keep each other alive

    def _open(self, scope: Scope, receive: Receive, send: Send) -> AsgiExchange | None:
        try:
            if not self._is_measured(scope):
                return None
            exchange = AsgiExchange(self.metrics, perf_counter(), receive, send)
            headers = scope["headers"]
            if RETRY_HEADER in map(NAME, headers):
                exchange.is_resent = _is_resent(headers)
            self.metrics.arrived(exchange, self._model_of and self._model_of(scope))
            scope[KEY] = exchange
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return None
        return exchange

    def _is_measured(self, scope: Scope) -> bool:
        if scope["type"] != "http" or KEY in scope:
            return False
        path: str = scope["path"]
        if self._paths is not None:
            return path in self._paths
        return path[:3] != "/-/" and path != "/metrics" and bool(scope["method"] == "POST")


def _is_resent(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    count = dict(headers)[RETRY_HEADER]
    return count.isdigit() and int(count) > 0
