"""What the interceptors for gRPC's two Python servers share: one call as an exchange."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any

import grpc

from exporters.catalog.canary import SYNTHETIC_HEADER
from exporters.requests.annotations import CALL
from exporters.requests.exchange import ThreadedExchange
from exporters.requests.metrics import RequestMetrics
from exporters.requests.outcome import outcome_of_code
from exporters.requests.synthetic import SyntheticMetrics

OWN_SERVICES = ("/grpc.health.", "/grpc.reflection.", "/grpc.channelz.")
RETRY_METADATA = "grpc-previous-rpc-attempts"
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
UNIMPLEMENTED = "UNIMPLEMENTED"


class Calls:
    """Which calls are measured, and their opening.

    `methods` are full names, `/package.Service/Method`; None measures all but those of gRPC's own
    services (health, reflection, channelz).
    """

    def __init__(
        self,
        metrics: RequestMetrics,
        methods: Collection[str] | None = None,
        model_of: Callable[[Any], str | None] | None = None,
    ) -> None:
        self.metrics = metrics
        self._synthetic = SyntheticMetrics(metrics)
        self._methods = None if methods is None else frozenset(methods)
        self._model_of = model_of

    def opened(self, details: grpc.HandlerCallDetails) -> Call | None:
        """Begin to measure a call, if it is one to be measured."""
        try:
            method = details.method
            if (
                method.startswith(OWN_SERVICES)
                if self._methods is None
                else (method not in self._methods)
            ):
                return None
            call = Call(self.metrics, perf_counter())
            call.route = method
            metadata = dict(details.invocation_metadata or ())
            call.is_resent = _is_resent(metadata)
            if SYNTHETIC_HEADER in metadata:
                call.metrics = self._synthetic
            call.open(self._model_of and self._model_of(details))
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()
            return None
        return call

    def unknown(self, call: Call | None) -> None:
        """No service has this method: as a path without a route, the client's mistake."""
        if call is not None:
            call.route = None
            call.close("ok", UNIMPLEMENTED)


class Call(ThreadedExchange):
    """One call: each message sent is a chunk where the answer is a stream."""

    def message(self, response: object) -> None:
        """A message of a streamed answer is about to be sent."""
        try:
            self.chunk(response)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def answered(self, context: Any) -> None:
        """The handler is done and named its status; the message is still to be sent."""
        try:
            code = code_of(context)
            self._ending = (outcome_of_code(code), code)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def left(self, context: Any) -> None:
        """The client is gone, or its patience: the deadline that it set has passed."""
        try:
            remaining = context.time_remaining()
            late = remaining is not None and remaining <= 0
            self._ending = (
                ("timeout", "DEADLINE_EXCEEDED") if late else ("client_gone", "CANCELLED")
            )
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def raised(self, context: Any) -> None:
        """The handler raised; `abort` names a status, and an error that escapes is UNKNOWN."""
        try:
            code = code_of(context)
            code = "UNKNOWN" if code == "OK" else code
            midstream = self.has_begun and outcome_of_code(code) in {"error", "ok"}
            self._ending = ("failed_midstream" if midstream else outcome_of_code(code), code)
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    _ending: tuple[str, str] | None = None

    def over(self, context: Any) -> None:
        """Nothing goes to this client any more."""
        try:
            if self._ending is None:
                self.left(context)
            self.close(*(self._ending or ("client_gone", "CANCELLED")))
        except Exception:  # noqa: BLE001 - measuring never breaks serving
            self.metrics.failed()

    def __del__(self) -> None:
        """A call whose client left before the handler began: gRPC drops it and tells nobody."""
        with suppress(Exception):  # raised in here it would be told on stderr
            if not self.is_complete:
                self.close("client_gone", "CANCELLED")

    def enter(self) -> None:
        """Make this the call that `annotations_of_call` means."""
        CALL.set(self)


def code_of(context: Any) -> str:
    """The name of the status that a handler has set; OK where it set none."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    return CODES.get(code, "UNKNOWN") if code is not None else "OK"


def rewrapped(handler: Any, behavior: Callable[..., Any]) -> Any:
    """The same handler around another function."""
    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    return make(behavior, handler.request_deserializer, handler.response_serializer)


def behavior_of(handler: Any) -> Callable[..., Any]:
    """The function that serves a handler's calls."""
    found: Callable[..., Any] = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    return found


def _is_resent(metadata: Mapping[str, Any]) -> bool:
    count = str(metadata.get(RETRY_METADATA, "0"))
    return count.isdigit() and int(count) > 0
