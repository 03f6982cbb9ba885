"""The interceptor for gRPC's threaded server: `grpc.server(..., interceptors=[...])`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from exporters.requests.rpc import Call, Calls, behavior_of, rewrapped


class MetricsInterceptor(Calls, grpc.ServerInterceptor):
    """Measures each call from its headers to its status, unary and streaming."""

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        call = self.opened(details)
        if handler is None:
            self.unknown(call)
        if handler is None or call is None:
            return handler
        return rewrapped(handler, measured(behavior_of(handler), call, handler.response_streaming))


def measured(behavior: Callable[..., Any], call: Call, streams: bool) -> Callable[..., Any]:  # noqa: FBT001 - the handler's own flag
    """The behaviour, watched by a call that ends when gRPC says so."""

    def unary(request: Any, context: Any) -> Any:
        begin(call, context)
        try:
            response = behavior(request, context)
        except BaseException:
            end_with(call, context, call.raised)
            raise
        end_with(call, context, call.answered)
        return response

    def stream(request: Any, context: Any) -> Iterator[Any]:
        begin(call, context)
        try:
            for response in behavior(request, context):
                call.message(response)
                yield response
        except GeneratorExit:
            call.left(context)
            raise
        except BaseException:
            end_with(call, context, call.raised)
            raise
        end_with(call, context, call.answered)

    return stream if streams else unary


def begin(call: Call, context: Any) -> None:
    """Have gRPC tell when the call is over; it may be already."""
    try:
        call.enter()
        if not context.add_callback(lambda: call.over(context)):
            call.over(context)
    except Exception:  # noqa: BLE001 - measuring never breaks serving
        call.metrics.failed()


def end_with(call: Call, context: Any, how: Callable[[Any], None]) -> None:
    """Note how it ended while the client still listened; else the client ended it."""
    try:
        (how if context.is_active() else call.left)(context)
    except Exception:  # noqa: BLE001 - measuring never breaks serving
        call.metrics.failed()
