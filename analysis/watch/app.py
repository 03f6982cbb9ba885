"""The HTTP side of `busysignal watch`, a Starlette app."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.config import RulesSection
from analysis.bundle import PAGE
from analysis.collect import Sources, collect
from analysis.config import AnalysisSection, WatchSection
from analysis.proposal import propose
from analysis.watch.ledger import Ledger
from analysis.watch.senders import secret, senders
from analysis.watch.thresholds import ThresholdStore, beside
from analysis.watch.webhook import (
    PostedChange,
    PostedGroup,
    PostedThreshold,
    incident_key,
)
from analysis.watch.worker import Collector, Proposer, Worker
from exporters.catalog import stack
from exporters.errors import UsageError
from exporters.exposition import Registry, metrics_app
from exporters.posted import MalformedError, body_of, parse

log = logging.getLogger(__name__)

DEADLINE_SHARE = 0.4
"""Of the deadline, what reading the sources may take; diagnosis and the page need the rest."""

RESULTS = {
    stack.ALERTS_RECEIVED: ("new", "duplicate", "resolved", "refused"),
    stack.VERDICTS: ("named", "abstained", "none"),
    stack.PAGES: ("sent", "failed"),
}

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page needs nothing but its own style; whatever got into it, a browser runs none of it."""


def app(
    section: WatchSection,
    analysis: AnalysisSection | None = None,
    sources: Sources | None = None,
    *,
    collector: Collector | None = None,
    rules: RulesSection | None = None,
) -> Starlette:
    """Build the service. `collector` replaces reading from `sources`.

    `rules` is the config that levels set at run time are held against.
    Raises UsageError when the database or the token file cannot be used.
    """
    analysis = analysis or AnalysisSection()
    budget = min(analysis.budget_seconds, DEADLINE_SHARE * section.deadline_seconds)
    bounded = analysis.model_copy(update={"budget_seconds": budget})
    collector = collector or partial(collect, sources or Sources(), bounded)
    told = senders(section)
    ledger, registry = Ledger(section.database), _begun()
    worker = Worker(
        section, analysis, ledger, collector, registry, told, _proposer(sources, analysis)
    )
    thresholds = ThresholdStore(beside(section.database), registry, rules or RulesSection())
    return _Watch(section, ledger, worker, registry, thresholds).build()


def _proposer(sources: Sources | None, analysis: AnalysisSection) -> Proposer | None:
    metrics = sources.metrics if sources else None
    return None if metrics is None else lambda verdict: propose(verdict, metrics, analysis)


def _begun() -> Registry:
    """A registry that counts from 0 on: what is first seen at 1 would never show an increase."""
    registry = Registry()
    for counter, results in RESULTS.items():
        for result in results:
            registry.counter(counter).labels(result)
    registry.histogram(stack.VERDICT_DURATION).labels()
    return registry


class _Watch:
    def __init__(
        self,
        section: WatchSection,
        ledger: Ledger,
        worker: Worker,
        registry: Registry,
        thresholds: ThresholdStore,
    ) -> None:
        self._section = section
        self._ledger = ledger
        self._worker = worker
        self._registry = registry
        self._thresholds = thresholds
        self._token = secret(section.bearer_token_file, "bearer_token_file")

    def build(self) -> Starlette:
        routes = [
            Route("/alerts", self.alerts, methods=["POST"]),
            Route("/changes", self.changes, methods=["POST"]),
            Route("/thresholds", self.set_threshold, methods=["POST"]),
            Route("/thresholds", self.thresholds),
            Route("/verdicts", self.verdicts),
            Route("/verdicts/{id}", self.verdict),
            Route("/verdicts/{id}/page", self.page),
            Route("/incidents", self.incidents),
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
            Route("/metrics", _Mounted(metrics_app(self._registry))),
        ]
        handlers = {HTTPException: _one_line, sqlite3.Error: _unkept}
        built = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)
        built.state.ledger = self._ledger
        return built

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._worker.show_open()
        self._worker.start()
        yield
        await run_in_threadpool(self._worker.stop)
        self._ledger.close()

    async def alerts(self, request: Request) -> Response:
        """Accept an alert group: 200 only once it is on the disk."""
        received = self._registry.counter(stack.ALERTS_RECEIVED)
        body = await self._body(request)
        try:
            group = parse(PostedGroup, body, "an Alertmanager webhook of version 4")
        except MalformedError as error:
            received.inc(1, "refused")
            raise HTTPException(400, str(error)) from None
        result = await run_in_threadpool(self._accept, group)
        received.inc(1, result)
        if result == "refused":
            raise HTTPException(
                503, "too many incidents wait for a verdict; send it again", {"Retry-After": "5"}
            )
        self._worker.wake()
        return JSONResponse({"result": result})

    def _accept(self, group: PostedGroup) -> str:
        if not group.firing:
            if self._ledger.resolve(group.group_key):
                self._worker.show_open()
                self._worker.wake()
            return "resolved"
        alert = group.alert()
        backlog = self._ledger.backlog()
        if backlog >= self._section.backlog_limit and not self._ledger.incident(
            incident_key(alert)
        ):
            return "refused"
        new = self._ledger.accept(incident_key(alert), alert, group.members())
        self._registry.gauge(stack.VERDICT_BACKLOG).set(backlog + new)
        return "new" if new else "duplicate"

    async def changes(self, request: Request) -> Response:
        """Keep a change that someone made."""
        try:
            posted = parse(PostedChange, await self._body(request), "a change")
        except MalformedError as error:
            raise HTTPException(400, str(error)) from None
        await run_in_threadpool(self._ledger.record, posted.change())
        return JSONResponse({"result": "kept"})

    async def set_threshold(self, request: Request) -> Response:
        """Have an alert begin elsewhere for an entity, or where it did."""
        try:
            posted = parse(PostedThreshold, await self._body(request), "a threshold")
            await run_in_threadpool(self._thresholds.change, posted)
        except (MalformedError, UsageError) as error:
            raise HTTPException(400, str(error)) from None
        return JSONResponse({"result": "kept"})

    def thresholds(self, request: Request) -> Response:
        """The levels that were set."""
        return JSONResponse(self._thresholds.listing())

    def verdicts(self, request: Request) -> Response:
        """The latest verdicts, oldest first."""
        return Response(
            "[" + ",".join(self._ledger.verdicts()) + "]", media_type="application/json"
        )

    def verdict(self, request: Request) -> Response:
        """One verdict."""
        document = self._ledger.verdict(request.path_params["id"])
        if document is None:
            raise HTTPException(
                404, f"no verdict {request.path_params['id']}; GET /verdicts lists them"
            )
        return Response(document, media_type="application/json")

    def page(self, request: Request) -> Response:
        """One verdict with its evidence and charts, for a browser."""
        verdict_id = request.path_params["id"]
        folder = self._ledger.folder(verdict_id)
        try:
            text = "" if folder is None else (folder / PAGE).read_text(encoding="utf-8")
        except OSError:
            text = ""  # removed with old age, or never kept
        if not text:
            raise HTTPException(404, f"no page of {verdict_id} is kept; GET /verdicts lists them")
        return HTMLResponse(text, headers={"Content-Security-Policy": PAGE_POLICY})

    def incidents(self, request: Request) -> Response:
        """The latest incidents, oldest first."""
        return JSONResponse([incident.document() for incident in self._ledger.incidents()])

    def healthy(self, request: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("healthy\n")

    def ready(self, request: Request) -> Response:
        """Alerts can be taken and are being answered."""
        if not self._worker.alive:
            raise HTTPException(503, "the thread that answers is gone; restart")
        return PlainTextResponse("ready\n")

    async def _body(self, request: Request) -> bytes:
        return await body_of(request, token=self._token, limit=self._section.body_limit_bytes)


class _Mounted:
    """An ASGI app at one exact path: starlette takes a plain function for a handler."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._inner(scope, receive, send)


def _one_line(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


def _unkept(request: Request, error: Exception) -> Response:
    """Alertmanager sends again what was not kept: a full disk loses no alert."""
    log.error("the ledger cannot be written: %s", error)
    text = f"the ledger cannot be written ({error}); send it again\n"
    return PlainTextResponse(text, 503, {"Retry-After": "5"})
