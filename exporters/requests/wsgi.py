"""WSGI middleware: watches the answer's pieces as the server takes them, touches none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from time import perf_counter
from typing import Any

from exporters.requests import synthetic
from exporters.requests.annotations import KEY
from exporters.requests.exchange import ThreadedExchange
from exporters.requests.metrics import RequestMetrics
from exporters.requests.outcome import NOT_STARTED
from exporters.requests.synthetic import SyntheticMetrics
from exporters.requests.usage import is_done_marker

Environ = MutableMapping[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

RETRY_HEADER = "HTTP_X_STAINLESS_RETRY_COUNT"


class WsgiMetricsMiddleware:
    """Measures each request from its headers to its last byte: `WsgiMetricsMiddleware(app, m)`.

    `paths`, `model_of` and `route_of` are those of MetricsMiddleware, over the WSGI environ; the
    app says what it knows through `environ["busysignal"]`.
    """

    def __init__(
        self,
        app: WsgiApp,
        metrics: RequestMetrics,
        *,
        paths: Collection[str] | None = None,
        model_of: Callable[[Environ], str | None] | None = None,
        route_of: Callable[[Environ], str | None] | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self._synthetic = SyntheticMetrics(metrics)
        self._paths = None if paths is None else frozenset(paths)
        self._model_of = model_of
        self._route_of = route_of

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        exchange = self._open(environ)
        if exchange is None:
            return self.app(environ, start_response)
        try:
            answer = self.app(environ, exchange.watching(start_response))
        except BaseException as error:
            exchange.broke_off(error)
            raise
        return exchange.watched(answer)

    def _open(self, environ: Environ) -> WsgiExchange | None:
        try:
            if not self._is_measured(environ):
                return None
            exchange = WsgiExchange(self.metrics, perf_counter())
            exchange.scope = environ
            exchange.route_of = self._route_of
            sent_again = environ.get(RETRY_HEADER, "0")
            exchange.is_resent = sent_again.isdigit() and int(sent_again) > 0
            if synthetic.ENVIRON in environ:
                exchange.metrics = self._synthetic
            exchange.open(self._model_of and self._model_of(environ))
            environ[KEY] = exchange
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return None
        return exchange

    def _is_measured(self, environ: Environ) -> bool:
        if KEY in environ:
            return False
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if self._paths is not None:
            return path in self._paths
        measured: bool = environ["REQUEST_METHOD"] == "POST"
        return measured and path != "/metrics" and not path.startswith("/-/")


class WsgiExchange(ThreadedExchange):
    """What `start_response` and the answer's iterator carry between the app and the server."""

    _has_length = False
    _gone = False

    def watching(self, start_response: StartResponse) -> StartResponse:
        """The server's `start_response`, with the status read as it goes by."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            write = start_response(status, headers, *error)
            try:
                self._status = int(status[:3])
                self._note(headers)
            except Exception:  # noqa: BLE001 - measuring never breaks serving
                self.metrics.failed()
            return self._writing(write) if callable(write) else write

        return start

    def watched(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        """The app's answer, to be handed to the server in its place."""
        try:
            wrapper = self.scope.get("wsgi.file_wrapper")
            if isinstance(wrapper, type) and isinstance(answer, wrapper):
                self.close(None, self._status)  # the server's sendfile takes it from here, unseen
                return answer
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
        return (_SizedAnswer if hasattr(answer, "__len__") else _Answer)(answer, self)

    def piece(self, body: bytes) -> None:
        """A piece is about to be sent; a whole answer in one piece is no stream."""
        try:
            if not body:
                return
            if self._has_length:
                if not self._end:  # whoever has it all may leave before we look again
                    self._gone = self.has_lasted() and self._has_hung_up()
                self._before_end, self._end = self._end, body
            elif body[:1] != b":":
                self.chunk(body)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def finished(self) -> None:
        """The server took the last piece and asked for more."""
        try:
            if self.has_begun and self.has_rested() and not is_done_marker(self._end):
                self._gone = self._has_hung_up()
            self.close("client_gone" if self._gone else None, self._status)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def broke_off(self, error: BaseException | None) -> None:
        """The app raised, or the server stopped taking pieces: the client has left."""
        try:
            sent = str(self._status) if self._status else NOT_STARTED
            if error is None or isinstance(error, GeneratorExit) or self._has_hung_up():
                self.close("client_gone", sent)
            elif self._end or self.has_begun:
                self.close("failed_midstream", sent)
            else:
                self.close("timeout" if isinstance(error, TimeoutError) else "error", "500")
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def close(self, outcome: str | None, status: int | str) -> None:
        super().close(outcome, status)
        self.scope.pop(KEY, None)  # else the two keep each other alive until garbage is collected

    def _note(self, headers: list[tuple[str, str]]) -> None:
        names = {name.lower(): value for name, value in headers}
        self._has_length = "content-length" in names
        kind = names.get("content-type", "")
        self._headers = ((b"content-type", kind.encode("latin-1", "replace")),)

    def _writing(self, write: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def writing(body: bytes) -> Any:
            self.piece(body)
            return write(body)

        return writing

    def _has_hung_up(self) -> bool:
        """Whether the client's side of the connection is closed, where the server lets us look."""
        try:
            told = self.scope.get("waitress.client_disconnected")
            if told is not None:
                return bool(told())
            client = self.scope.get("gunicorn.socket") or self.scope.get("werkzeug.socket")
            if type(client) is not socket.socket:  # through TLS there is nothing to peek at
                return False
            return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except ConnectionError:
            return True
        except BlockingIOError:
            return False
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return False


class _Answer:
    """The app's iterable, handed on piece by piece."""

    def __init__(self, answer: Iterable[bytes], exchange: WsgiExchange) -> None:
        self._answer = answer
        self._exchange = exchange
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        try:
            if self._pieces is None:
                self._pieces = iter(self._answer)
            body = next(self._pieces)
        except StopIteration:
            exchange.finished()
            raise
        except BaseException as error:
            exchange.broke_off(error)
            raise
        exchange.piece(body)
        return body

    def close(self) -> None:
        """Close the app's answer; before its end, it was the client who left."""
        try:
            if not self._exchange.is_complete:
                self._exchange.broke_off(None)
        finally:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()


class _SizedAnswer(_Answer):
    """An answer whose number of pieces a server may ask for, to tell its length."""

    def __len__(self) -> int:
        return len(self._answer)  # type: ignore[arg-type]  # this one has it
