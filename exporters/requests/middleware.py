"""Raw ASGI middleware: watches messages go by, touches none, waits for none."""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import itemgetter
from time import perf_counter

from exporters.exposition.app import App, Receive, Scope, Send
from exporters.requests import synthetic
from exporters.requests.annotations import KEY
from exporters.requests.asgi import AsgiExchange
from exporters.requests.metrics import RequestMetrics
from exporters.requests.routes import route_of
from exporters.requests.synthetic import SyntheticMetrics
from exporters.requests.websocket import WebsocketExchange

RETRY_HEADER = b"x-stainless-retry-count"
MARKS = frozenset({RETRY_HEADER, synthetic.HEADER})
NAME = itemgetter(0)


class MetricsMiddleware:
    """Measures each request from its headers to its last byte: `MetricsMiddleware(app, metrics)`.

    `paths` are the exact paths to measure; None measures every POST but to /metrics and /-/...
    A websocket is measured where its path is named or `websockets` is set: it may stay open for
    hours, which makes its duration a poor neighbour. `model_of` may tell the model from the scope;
    the app can name it later through `annotations_of(scope).model`. `route_of` tells the route's
    template when the answer is over. Whatever fails in here is counted and kept from the request.
    """

    def __init__(
        self,
        app: App,
        metrics: RequestMetrics,
        *,
        paths: Collection[str] | None = None,
        model_of: Callable[[Scope], str | None] | None = None,
        route_of: Callable[[Scope], str | None] = route_of,
        websockets: bool = False,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self._synthetic = SyntheticMetrics(metrics)
        self._paths = None if paths is None else frozenset(paths)
        self._model_of = model_of
        self._websockets = websockets
        # What all exchanges share stands on their class: each one is made faster for it.
        shared = {"metrics": metrics, "route_of": staticmethod(route_of)}
        self._http: type[AsgiExchange] = type("Http", (AsgiExchange,), shared)
        self._websocket: type[AsgiExchange] = type("Websocket", (WebsocketExchange,), shared)

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
            # What keeps each other alive waits for the garbage collector: frame and traceback,
            # scope and exchange.
            error = None
            scope.pop(KEY, None)

    def _open(self, scope: Scope, receive: Receive, send: Send) -> AsgiExchange | None:
        try:
            if scope["type"] == "http" and self._paths is None:
                path = scope["path"]
                if (
                    scope["method"] != "POST"
                    or path == "/metrics"
                    or path[:3] == "/-/"
                    or KEY in scope
                ):
                    return None
                kind = self._http
            elif self._is_named(scope):
                kind = self._http if scope["type"] == "http" else self._websocket
            else:
                return None
            exchange = kind(scope, receive, send, perf_counter())
            headers = scope["headers"]
            if not MARKS.isdisjoint(map(NAME, headers)):
                self._read_marks(exchange, dict(headers))
            exchange.metrics.arrived(exchange, self._model_of and self._model_of(scope))
            scope[KEY] = exchange
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return None
        return exchange

    def _read_marks(self, exchange: AsgiExchange, headers: dict[bytes, bytes]) -> None:
        exchange.is_resent = _is_resent(headers.get(RETRY_HEADER, b""))
        if synthetic.HEADER in headers:
            exchange.metrics = self._synthetic

    def _is_named(self, scope: Scope) -> bool:
        kind = scope["type"]
        if kind not in {"http", "websocket"} or KEY in scope:
            return False
        if self._paths is not None:
            return scope["path"] in self._paths
        return kind == "websocket" and self._websockets


def _is_resent(count: bytes) -> bool:
    return count.isdigit() and int(count) > 0
