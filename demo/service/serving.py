"""Run a process of the service: its app on one port, its private control on another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.service.config import HOST, ProcessConfig
from exporters.telemetry import Telemetry, setup

Control = Callable[[dict[str, Any]], Any]
"""Changes how the process behaves; seen by nobody but the stage, never measured or logged."""


class _Server(uvicorn.Server):
    """A server that leaves signals to `serve`, which runs two of them in one loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(app: ASGIApp, port: int, control: Control, control_port: int) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight get two seconds to end."""
    asyncio.run(_serve((app, port), (control_app(control), control_port)))


async def _serve(*apps: tuple[ASGIApp, int]) -> None:
    servers = [_Server(_config(app, port)) for app, port in apps]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await asyncio.gather(*(server.serve() for server in servers))


def _config(app: ASGIApp, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
    )


def control_app(control: Control) -> Starlette:
    """`POST /control` with a JSON object."""

    async def post(request: Request) -> JSONResponse:
        return JSONResponse(control(json.loads(await request.body())))

    return Starlette(routes=[Route("/control", post, methods=["POST"])])


def telemetry_of(config: ProcessConfig, service_name: str) -> Telemetry:
    """Spans and logs of this process; a replica's instance is its name and its pod's."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every call
    return setup(
        config.telemetry,
        service_name=service_name,
        instance=config.name,
        version=config.version,
        resource={"k8s.pod.name": config.name} if service_name == "replica" else None,
    )


class Endpoint:
    """An ASGI app as a route's endpoint: Starlette would take a plain function for a handler."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def healthy(_: Request) -> PlainTextResponse:
    """Say that the process serves."""
    return PlainTextResponse("healthy\n")
