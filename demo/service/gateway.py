"""The front door: admission, features, a replica or the fallback, the answer streamed back."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
from aiolimiter import AsyncLimiter
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.service import fallback, openai_api, tracing
from demo.service.admission import PRIORITIES, Admission, QueueFullError
from demo.service.answers import Answers
from demo.service.calls import Calls
from demo.service.config import MODEL, GatewayConfig, read
from demo.service.openai_api import Completion
from demo.service.resilience import Attempt, ReplicaBusyError, ReplicaFailedError, ReplicaPool
from demo.service.routing import NoReplicaError
from demo.service.serving import Endpoint, healthy, serve, telemetry_of
from exporters.catalog.requests import FALLBACKS
from exporters.exposition import metrics_app
from exporters.requests import Annotations, MetricsMiddleware, RequestMetrics, annotations_of
from exporters.requests.traces import sampled_trace
from exporters.telemetry import Telemetry

log = logging.getLogger("gateway")


class Gateway:
    """What all requests share."""

    def __init__(self, config: GatewayConfig, telemetry: Telemetry) -> None:
        self.config = config
        self.metrics = RequestMetrics(models=(MODEL, fallback.NAME), trace_id=sampled_trace)
        self.admission = Admission(config.slots, config.max_queue, self)
        self.limiter = AsyncLimiter(config.rate_limit, 1.0)
        self.calls = Calls(self.metrics.registry)
        self.replicas = ReplicaPool(config, self.calls, self.metrics, telemetry.tracer)
        self.answers = Answers(config.cache, self.calls, self.metrics.registry)
        self.fallback = fallback.Bigram()
        self.telemetry = telemetry
        self.tracer = telemetry.tracer
        self.metrics.registry.counter(FALLBACKS).inc(0.0, MODEL)  # there is one, and it is at rest
        for priority in PRIORITIES:
            self.queued(priority, 0)

    def queued(self, priority: str, depth: int) -> None:
        self.metrics.queue_depth(depth, model=MODEL, priority=priority)

    def waited(self, priority: str, seconds: float) -> None:
        self.metrics.queue_wait(seconds, model=MODEL, priority=priority)

    def control(self, change: dict[str, Any]) -> dict[str, Any]:
        """`rate_limit` a second; `replicas`, a new URL for some of the names."""
        if "rate_limit" in change:
            self.limiter = AsyncLimiter(float(change["rate_limit"]), 1.0)
        self.replicas.router.move(change.get("replicas", {}))
        return {"queue": self.admission.depth}

    async def ask_features(self, request_id: str) -> None:
        """Look the caller up; a request is served without its features if that fails."""
        started, outcome = time.monotonic(), "ok"
        with self.tracer.start_as_current_span(
            "upstream features", kind=SpanKind.CLIENT, attributes={"peer.service": "features"}
        ):
            headers = tracing.outgoing({"x-request-id": request_id})
            try:
                answer = await self.calls.to("features").get(
                    f"{self.config.features}/features",
                    headers=headers,
                    timeout=self.config.features_timeout_seconds,
                )
                answer.raise_for_status()
            except httpx.TimeoutException:
                outcome = "timeout"
            except httpx.HTTPError:
                outcome = "error"
        if outcome != "ok":
            log.warning("features are missing: %s", outcome)
        self.metrics.upstream("features", outcome, time.monotonic() - started)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Close the connections at the end."""
        yield
        await self.calls.aclose()

    def app(self) -> ASGIApp:
        """All routes of the gateway, with the completions measured."""
        completions = Starlette(
            routes=[
                Route("/v1/completions", Completions(self, chat=False), methods=["POST"]),
                Route("/v1/chat/completions", Completions(self, chat=True), methods=["POST"]),
            ]
        )
        return Starlette(
            routes=[
                Route("/-/healthy", healthy),
                Route("/metrics", Endpoint(metrics_app(self.metrics, self.telemetry))),
                Mount("/", MetricsMiddleware(completions, self.metrics)),
            ],
            lifespan=self.lifespan,
        )


class Completions:
    """One request, from its headers to its last byte."""

    def __init__(self, gateway: Gateway, *, chat: bool) -> None:
        self.gateway = gateway
        self.chat = chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
        notes = annotations_of(scope)
        with tracing.server_span(self.gateway.tracer, scope, request_id) as span:
            notes.model = MODEL
            try:
                body = await request.body()
                completion = openai_api.parse(body, chat=self.chat, request_id=request_id)
            except ClientDisconnect:
                return
            except openai_api.BadRequestError as error:
                response: Response = _refuse(400, str(error), "invalid_request_error")
                await response(scope, receive, tracing.with_status(span, send))
                return
            given = request.headers.get("x-priority", "normal")
            notes.priority = priority = given if given in PRIORITIES else "normal"
            notes.prompt_tokens = len(completion.prompt)
            tracing.set_usage(span, completion)
            exchange = Exchange(
                self.gateway, completion, body, notes=notes, scope=scope, receive=receive
            )
            await exchange.run(priority, tracing.with_status(span, send))
            tracing.set_usage(span, completion, notes.generated_tokens)
            log.info("request %s (%s) is over", request_id, priority)


class Exchange:
    """The way of one valid request through the gateway."""

    def __init__(
        self,
        gateway: Gateway,
        completion: Completion,
        body: bytes,
        *,
        notes: Annotations,
        scope: Scope,
        receive: Receive,
    ) -> None:
        self.gateway, self.completion, self.body = gateway, completion, body
        self.notes, self.scope, self.receive = notes, scope, receive

    async def run(self, priority: str, send: Send) -> None:
        """Admit and serve, or refuse with 429 or 503 and when to come back."""
        gateway = self.gateway
        if not gateway.limiter.has_capacity():
            await self._reject(429, "rate_limit", "too many requests", send)
            return
        await gateway.limiter.acquire()
        if (known := await gateway.answers.find(self.completion)) is not None:
            self.notes.generated_tokens = self.completion.max_tokens
            await Response(known, media_type="text/event-stream")(self.scope, self.receive, send)
            return
        async with contextlib.AsyncExitStack() as held:
            try:
                with gateway.tracer.start_as_current_span("queue"):
                    await held.enter_async_context(gateway.admission.slot(priority))
            except QueueFullError:
                await self._reject(503, "queue_full", "server busy", send)
                return
            await gateway.ask_features(self.completion.id)
            await self._serve(send)

    async def _serve(self, send: Send) -> None:
        path = self.scope["path"]
        try:
            async with self.gateway.replicas.stream(path, self.body, self.completion.id) as attempt:
                await self._pass_on(attempt, send)
        except ReplicaBusyError:
            await self._reject(503, "queue_full", "all replicas are busy", send)
        except (ReplicaFailedError, NoReplicaError):
            await self._fall_back(send)

    async def _pass_on(self, attempt: Attempt, send: Send) -> None:
        assert attempt.response is not None
        kind = attempt.response.headers.get("content-type")
        response = StreamingResponse(
            self._relay(attempt), attempt.response.status_code, media_type=kind
        )
        await response(self.scope, self.receive, send)

    async def _relay(self, attempt: Attempt) -> AsyncIterator[bytes]:
        sent = [attempt.first]
        try:
            yield attempt.first
            async for chunk in attempt.rest:
                yield chunk
                sent.append(chunk)
        except httpx.HTTPError:
            attempt.outcome = "failed_midstream"
            raise
        attempt.outcome = "ok"
        # The last event carries usage, not a token.
        self.notes.generated_tokens = self.completion.max_tokens if len(sent) > 1 else 0
        if self.completion.stream:
            await self.gateway.answers.keep(self.completion, b"".join(sent))

    async def _fall_back(self, send: Send) -> None:
        completion = self.completion
        self.gateway.metrics.fallback(MODEL)
        log.warning("request %s is answered by the fallback model", completion.id)
        tokens = self.gateway.fallback.complete(completion.prompt, completion.max_tokens)
        self.notes.generated_tokens = len(tokens)
        answer = _renamed(completion)
        if completion.stream:
            events = [*map(answer.chunk, tokens), answer.last_chunk(len(tokens))]
            response = Response(b"".join(events), media_type="text/event-stream")
        else:
            response = JSONResponse(answer.whole(tokens))
        await response(self.scope, self.receive, send)

    async def _reject(self, status: int, reason: str, message: str, send: Send) -> None:
        self.notes.reason = reason
        log.warning("request %s is refused with %d: %s", self.completion.id, status, message)
        response = _refuse(status, message, reason)
        await response(self.scope, self.receive, send)


def _renamed(completion: Completion) -> Completion:
    return Completion(**{**vars(completion), "model": fallback.NAME})


def _refuse(status: int, message: str, kind: str) -> JSONResponse:
    headers = {"retry-after": "1"} if status in {429, 503} else None
    return JSONResponse(openai_api.refusal(message, kind), status, headers)


def main() -> None:
    """Serve the gateway until it is told to stop."""
    config = read(GatewayConfig)
    with telemetry_of(config, "gateway") as telemetry:
        gateway = Gateway(config, telemetry)
        serve(gateway.app(), config.port, gateway.control, config.control_port)


if __name__ == "__main__":
    main()
