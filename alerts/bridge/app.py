"""The HTTP side of `busysignal bridge`: groups and pages in, 200 once they are on the disk."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from alerts.bridge.courier import Courier
from alerts.bridge.note import of_group, of_page
from alerts.bridge.outbox import Outbox
from alerts.bridge.wiring import wired
from exporters.catalog import bridge
from exporters.exposition import Registry, serve_app
from exporters.posted import MalformedError, body_of
from exporters.settings import read_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from alerts.bridge.config import BridgeSection
    from alerts.bridge.note import Note
    from alerts.bridge.outbox import Accepted
    from alerts.teams import NotifySection

GRACE_SECONDS = 5
TEXT = "text/plain; version=0.0.4"


def serve(
    section: BridgeSection,
    notify: NotifySection,
    *,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the address once it listens.

    Raises UsageError when the address, the database or a secret cannot be used.
    """
    serve_app(
        app(section, notify),
        section.host,
        section.port,
        announce=announce,
        lifespan="on",
        grace_seconds=GRACE_SECONDS,
    )


def app(section: BridgeSection, notify: NotifySection) -> Starlette:
    """Build the service; raises UsageError when the database or a secret cannot be used."""
    return _Bridge(section, notify).build()


class _Bridge:
    def __init__(self, section: BridgeSection, notify: NotifySection) -> None:
        self._section = section
        self._notify = notify
        path = notify.bridge_token_file
        self._token = read_secret(path, "[rules.notify] bridge_token_file") if path else None
        self._registry = Registry()
        services = wired(notify)
        self._outbox = Outbox(
            section.database, limit=section.queue_limit, repeat_seconds=section.repeat_seconds
        )
        # One for all: it is safe to share, and each would load the authorities' certificates anew.
        self._client = httpx.Client(timeout=section.timeout_seconds, trust_env=False)
        # It would log every whole address, and a chat robot's address holds its token.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._couriers = {
            name: Courier(name, service, self._client, section, self._outbox, self._registry)
            for name, service in services.items()
        }

    def build(self) -> Starlette:
        routes = [
            Route("/alerts/{receiver}", self.alerts, methods=["POST"]),
            Route("/pages", self.pages, methods=["POST"]),
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
            Route("/metrics", self.metrics),
        ]
        handlers: dict[Any, Any] = {HTTPException: _one_line}
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        for courier in self._couriers.values():
            courier.start()
        yield
        await run_in_threadpool(self._stop)

    def _stop(self) -> None:
        for courier in self._couriers.values():
            courier.stop(self._section.timeout_seconds + 1)
        self._client.close()
        self._outbox.close()

    async def alerts(self, request: Request) -> Response:
        """Take an alert group for one receiver."""
        name = request.path_params["receiver"]
        receiver = self._notify.receivers.get(name)
        if receiver is None:
            known = ", ".join(self._notify.receivers) or "none"
            raise HTTPException(404, f"no receiver {name!r}; known: {known}")
        body = await self._body(request)
        try:
            note = of_group(body, receiver.language)
        except MalformedError as error:
            raise HTTPException(400, str(error)) from None
        return await self._accept({name: note})

    async def pages(self, request: Request) -> Response:
        """Take a verdict's page for everyone whom the service's team names for pages."""
        body = await self._body(request)
        try:
            _, service = of_page(body, "en")
        except MalformedError as error:
            raise HTTPException(400, str(error)) from None
        names = self._notify.paged(service)
        languages = {name: self._notify.receivers[name].language for name in names}
        return await self._accept({n: of_page(body, lang)[0] for n, lang in languages.items()})

    async def _accept(self, notes: dict[str, Note]) -> Response:
        results = await run_in_threadpool(self._keep, notes)
        if "refused" in results.values():
            raise HTTPException(503, "too many messages wait; send it again", {"Retry-After": "5"})
        return JSONResponse(results)

    def _keep(self, notes: dict[str, Note]) -> dict[str, Accepted]:
        results: dict[str, Accepted] = {}
        for name, note in notes.items():
            results[name] = self._outbox.accept(name, note)
            self._registry.counter(bridge.RECEIVED).inc(1, name, results[name])
            self._couriers[name].wake()
        return results

    def healthy(self, request: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("healthy\n")

    def ready(self, request: Request) -> Response:
        """Every receiver's thread lives."""
        dead = [name for name, courier in self._couriers.items() if not courier.alive]
        if dead:
            raise HTTPException(503, f"the threads of {', '.join(dead)} are gone; restart")
        return PlainTextResponse("ready\n")

    def metrics(self, request: Request) -> Response:
        """What it was given, what it told, what still waits."""
        for courier in self._couriers.values():
            courier.show()
        return PlainTextResponse(self._registry.collect_text(), media_type=TEXT)

    async def _body(self, request: Request) -> bytes:
        return await body_of(request, token=self._token, limit=self._section.body_limit_bytes)


def _one_line(request: Request, error: HTTPException) -> Response:
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
