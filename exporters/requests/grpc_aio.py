"""The interceptor for gRPC's asyncio server: `grpc.aio.server(interceptors=[...])`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio

from exporters.requests.grpc_sync import measured as measured_in_a_thread
from exporters.requests.rpc import Call, Calls, behavior_of, rewrapped


class AioMetricsInterceptor(Calls, grpc.aio.ServerInterceptor):
    """Measures each call from its headers to its status, unary and streaming."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:
        handler = await continuation(details)
        call = self.opened(details)
        if handler is None:
            self.unknown(call)
        if handler is None or call is None:
            return handler
        behavior = behavior_of(handler)
        if inspect.isasyncgenfunction(behavior):
            return rewrapped(handler, _generating(behavior, call))
        if inspect.iscoroutinefunction(behavior):
            return rewrapped(handler, _awaiting(behavior, call, handler.response_streaming))
        return rewrapped(handler, measured_in_a_thread(behavior, call, handler.response_streaming))


def _awaiting(
    behavior: Callable[..., Awaitable[Any]],
    call: Call,
    streams: bool,  # noqa: FBT001 - the handler's own flag
) -> Callable[..., Awaitable[Any]]:
    async def handle(request: Any, context: Any) -> Any:
        _begin(call, context)
        watched = _WatchedContext(context, call) if streams else context
        try:
            response = await behavior(request, watched)
        except BaseException as error:
            _broke(call, context, error)
            raise
        call.answered(context)
        return response

    return handle


def _generating(
    behavior: Callable[..., AsyncIterator[Any]], call: Call
) -> Callable[..., AsyncIterator[Any]]:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        _begin(call, context)
        try:
            async for response in behavior(request, context):
                call.message(response)
                yield response
        except BaseException as error:
            _broke(call, context, error)
            raise
        call.answered(context)

    return handle


class _WatchedContext:
    """The call's context, with each message written through it counted."""

    def __init__(self, context: Any, call: Call) -> None:
        self._context = context
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def write(self, message: Any) -> Awaitable[Any]:
        self._call.message(message)
        writing: Awaitable[Any] = self._context.write(message)
        return writing


def _begin(call: Call, context: Any) -> None:
    try:
        call.enter()
        context.add_done_callback(call.over)
    except Exception:  # noqa: BLE001 - measuring never breaks serving
        call.metrics.failed()


def _broke(call: Call, context: Any, error: BaseException) -> None:
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        call.left(context)
    else:
        call.raised(context)
