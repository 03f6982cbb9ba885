"""One model replica: OpenAI's completions API over the engine, `/metrics` beside it.

Memory is reported to the simulated GPU enlarged by `MEMORY_SCALE`: one byte of the small model and
its KV cache stands for 4 KiB on a device of 80 GB. The ratios are those of the real tensors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
import zlib
from collections.abc import AsyncIterator
from typing import Any

import torch
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.service import openai_api, tracing
from demo.service.accelerator import Accelerator
from demo.service.config import MODEL, NICENESS, ReplicaConfig, read
from demo.service.engine import (
    Engine,
    EngineDeadError,
    PromptTooLongError,
    QueueFullError,
    Sequence,
)
from demo.service.kernels import Device
from demo.service.replica_metrics import ReplicaMetrics, phases
from demo.service.serving import healthy, serve, telemetry_of
from demo.service.transformer import Shape, Transformer
from exporters.exposition import metrics_app
from exporters.host import HostSource
from exporters.requests import Annotations, MetricsMiddleware, RequestMetrics, annotations_of
from exporters.requests.traces import sampled_trace
from exporters.telemetry import Telemetry

MEMORY_SCALE = 4096
REPORT_SECONDS = 0.2
LEAK_SECONDS = 0.02
log = logging.getLogger("replica")


class Replica:
    """The engine behind HTTP."""

    def __init__(self, config: ReplicaConfig, telemetry: Telemetry) -> None:
        self.config = config
        state = config.device_state
        accelerator = Accelerator.attach(state, config.gpu) if state else None
        self.gpu = accelerator.gpu if accelerator else None
        self.device = Device(config.speed, accelerator)
        model = Transformer(Shape(blocks=config.blocks), config.seed)
        uuid_ = self.gpu.uuid if self.gpu else ""
        self.requests = RequestMetrics(models=(MODEL,), trace_id=sampled_trace)
        self.metrics = ReplicaMetrics(self.requests, config.version, uuid_)
        self.engine = Engine(
            model, self.device, self.metrics, max_batch=config.max_batch, max_queue=config.max_queue
        )
        self.metrics.engine = self.engine
        self.telemetry = telemetry
        self.tracer = telemetry.tracer
        self.silent = self.draining = False
        self.leaking = 0.0
        self._leaked: list[bytes] = []

    def control(self, change: dict[str, Any]) -> dict[str, Any]:
        """`slowdown` factor of the device, `stall` seconds of the engine, `silent` exporter.

        `leaking` bytes a second; `draining` once another process has taken its place.
        """
        self.device.slowdown = float(change.get("slowdown", self.device.slowdown))
        self.silent = bool(change.get("silent", self.silent))
        self.draining = bool(change.get("draining", self.draining))
        self.leaking = float(change.get("leaking", self.leaking))
        if "stall" in change:
            self.engine.stalled_until = time.monotonic() + float(change["stall"])
        return {"busy_seconds": self.device.busy_seconds()}

    async def report(self) -> None:
        """Tell the simulated GPU what its replica really does."""
        last_busy, last = self.device.busy_seconds(), time.perf_counter()
        while self.gpu and not self.draining:
            await asyncio.sleep(REPORT_SECONDS)
            busy, now = self.device.busy_seconds(), time.perf_counter()
            ratio = (busy - last_busy) / (now - last)
            memory = self.engine.memory_bytes * MEMORY_SCALE
            self.gpu.report(busy_ratio=ratio, memory_used_bytes=memory)
            last_busy, last = busy, now

    async def leak(self) -> None:
        """Keep what is written to a cache without a bound: nothing is ever let go."""
        while True:
            await asyncio.sleep(LEAK_SECONDS if self.leaking else REPORT_SECONDS)
            self._leaked.append(b"\1" * int(self.leaking * LEAK_SECONDS))

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Run the engine and the report while the app serves."""
        self.engine.start()
        self.device.compile(self.config.compile_seconds, self.config.eager_factor)
        tasks = [asyncio.create_task(one) for one in (self.report(), self.leak())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(self.engine.stop)

    def app(self) -> ASGIApp:
        """All routes of the replica, with the completions measured."""
        completions = MetricsMiddleware(
            Starlette(
                routes=[
                    Route("/v1/completions", Completions(self, chat=False), methods=["POST"]),
                    Route("/v1/chat/completions", Completions(self, chat=True), methods=["POST"]),
                ]
            ),
            self.requests,
        )
        return Starlette(
            routes=[
                Route("/-/healthy", healthy),
                Route("/v1/models", self._models),
                Route("/metrics", Metrics(self)),
                Mount("/", completions),
            ],
            lifespan=self.lifespan,
        )

    async def _models(self, _: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


class Metrics:
    """`/metrics`, unless the exporter is silent."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._app = metrics_app(replica.metrics, HostSource(), replica.telemetry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = Response(status_code=503) if self._replica.silent else self._app
        await app(scope, receive, send)


class Completions:
    """One completion: submitted to the engine, its tokens streamed or collected."""

    def __init__(self, replica: Replica, *, chat: bool) -> None:
        self.replica = replica
        self.chat = chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
        with tracing.server_span(self.replica.tracer, scope, request_id) as span:
            send = tracing.with_status(span, send)
            try:
                completion = openai_api.parse(
                    await request.body(), chat=self.chat, request_id=request_id
                )
            except ClientDisconnect:
                return
            except openai_api.BadRequestError as error:
                await _refuse(400, str(error), "invalid_request_error")(scope, receive, send)
                return
            tracing.set_usage(span, completion)
            generated = await self._answer(completion, scope, receive, send)
            tracing.set_usage(span, completion, generated)

    async def _answer(
        self, completion: openai_api.Completion, scope: Scope, receive: Receive, send: Send
    ) -> int:
        notes = annotations_of(scope)
        notes.model, notes.prompt_tokens = MODEL, len(completion.prompt)
        tokens: asyncio.Queue[int | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def deliver(token: int | None) -> None:
            loop.call_soon_threadsafe(tokens.put_nowait, token)

        engine = self.replica.engine
        try:
            sequence = engine.submit(completion.prompt, completion.max_tokens, deliver)
        except QueueFullError:
            notes.reason = "queue_full"
            await _refuse(503, "the engine's queue is full", "overloaded")(scope, receive, send)
            return 0
        except PromptTooLongError:
            message = "prompt and max_tokens exceed the context"
            await _refuse(400, message, "invalid_request_error")(scope, receive, send)
            return 0
        except EngineDeadError:
            await _refuse(500, "the engine is dead", "internal_error")(scope, receive, send)
            return 0
        try:
            await self._send(completion, _until_end(sequence, tokens), scope, receive, send)
        finally:
            engine.cancel(sequence)
        log.info("request %s: %d tokens generated", completion.id, len(sequence.generated))
        self._tell_phases(sequence)
        return len(sequence.generated)

    async def _send(
        self,
        completion: openai_api.Completion,
        tokens: AsyncIterator[int],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        notes = annotations_of(scope)
        if completion.stream:
            chunks = _chunks(completion, tokens, notes)
            if _falls_to(completion.id, self.replica.config.broken_answers):
                chunks = _broken_off(chunks, completion.max_tokens // 2)
            response: Response = StreamingResponse(chunks, media_type="text/event-stream")
        else:
            whole = [token async for token in tokens]
            notes.generated_tokens = len(whole)
            response = JSONResponse(completion.whole(whole))
        await response(scope, receive, send)

    def _tell_phases(self, sequence: Sequence) -> None:
        if not sequence.complete:
            return  # the client left, perhaps as the last token was being made
        self.replica.metrics.finished(sequence)
        for phase in phases(sequence):
            tracing.phase_span(self.replica.tracer, *phase)


async def _until_end(sequence: Sequence, tokens: asyncio.Queue[int | None]) -> AsyncIterator[int]:
    """Each token as it comes. Raises EngineDeadError when the engine dies before the last."""
    while (token := await tokens.get()) is not None:
        yield token
    if sequence.failed:
        raise EngineDeadError


async def _chunks(
    completion: openai_api.Completion, tokens: AsyncIterator[int], notes: Annotations
) -> AsyncIterator[bytes]:
    generated = 0
    async for token in tokens:
        generated += 1
        notes.generated_tokens = generated  # said as it happens: the client may leave at any time
        yield completion.chunk(token)
    yield completion.last_chunk(generated)


def _falls_to(request_id: str, share: float) -> bool:
    """Whether a request is among this share of all; always the same for the same request."""
    return zlib.crc32(request_id.encode()) < share * 2**32


async def _broken_off(chunks: AsyncIterator[bytes], after: int) -> AsyncIterator[bytes]:
    """A detokenizer that meets a token it does not know. Raises KeyError after some chunks."""
    async for chunk in chunks:
        yield chunk
        after -= 1
        if after <= 0:
            raise KeyError("token not in vocabulary")


def _refuse(status: int, message: str, kind: str) -> JSONResponse:
    headers = {"retry-after": "1"} if status == 503 else None
    return JSONResponse(openai_api.refusal(message, kind), status, headers)


def main() -> None:
    """Serve one replica until it is told to stop."""
    config = read(ReplicaConfig)
    os.nice(NICENESS)
    torch.set_num_threads(1)
    with telemetry_of(config, "replica") as telemetry:
        replica = Replica(config, telemetry)
        serve(replica.app(), config.port, replica.control, config.control_port)


if __name__ == "__main__":
    main()
