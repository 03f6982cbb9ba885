"""Requests that say of themselves that no user sent them: counted apart, out of users' SLOs."""

from __future__ import annotations

from typing import Final

from exporters.catalog import requests as signals
from exporters.catalog.canary import SYNTHETIC_HEADER
from exporters.requests.metrics import OTHER, RequestMetrics, Streaming, TrackedRequest

HEADER: Final = SYNTHETIC_HEADER.encode()
ENVIRON: Final = "HTTP_" + SYNTHETIC_HEADER.upper().replace("-", "_")
"""The header as WSGI names it."""


class SyntheticMetrics(RequestMetrics):
    """Stands in for the users' metrics on a marked request; its series begin with the first one."""

    def __init__(self, users: RequestMetrics) -> None:
        self._users = users  # not through super(): the users' series exist once
        self.registry = users.registry
        self.serial = users.serial

    def failed(self) -> None:
        self._users.failed()

    def arrived(self, request: TrackedRequest, model: str | None) -> None:
        """Remember the model; nothing of the users' moves."""
        if model is not None:
            request.model = model

    def named(self, request: TrackedRequest, model: str) -> None:
        """The annotation keeps the name until the end."""

    def finished(
        self,
        request: TrackedRequest,
        outcome: str,
        status: int | str,
        seconds: float,
        streaming: Streaming | None = None,
    ) -> None:
        """Count how it ended."""
        model = self._known(request.model)
        registry = self.registry
        registry.counter(signals.SYNTHETIC_REQUESTS).inc(1.0, model, outcome, status)
        registry.histogram(signals.SYNTHETIC_DURATION).observe(seconds, model)

    def _known(self, model: str | None) -> str:
        models = self._users.models
        if model is None and len(models) == 1:
            return models[0]
        return model if model is not None and model in models else OTHER
