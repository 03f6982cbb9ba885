"""The feature service: what the gateway asks about a caller before each request."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry.trace import Tracer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from demo.service import tracing
from demo.service.config import FeaturesConfig, read
from demo.service.serving import healthy, serve, telemetry_of


class Features:
    """Answers after `seconds`, as a lookup elsewhere would."""

    def __init__(self, seconds: float, tracer: Tracer) -> None:
        self.seconds = seconds
        self.tracer = tracer

    def control(self, change: dict[str, Any]) -> dict[str, Any]:
        """`seconds` that a lookup takes."""
        self.seconds = float(change.get("seconds", self.seconds))
        return {"seconds": self.seconds}

    async def lookup(self, request: Request) -> JSONResponse:
        """The features of one caller."""
        request_id = request.headers.get("x-request-id", "")
        with tracing.server_span(self.tracer, request.scope, request_id) as span:
            await asyncio.sleep(self.seconds)
            tracing.set_status(span, 200)
            return JSONResponse({"tier": "standard"})

    def app(self) -> ASGIApp:
        """All routes of the service."""
        return Starlette(routes=[Route("/-/healthy", healthy), Route("/features", self.lookup)])


def main() -> None:
    """Serve until told to stop."""
    config = read(FeaturesConfig)
    with telemetry_of(config, "features") as telemetry:
        features = Features(config.seconds, telemetry.tracer)
        serve(features.app(), config.port, features.control, config.control_port)


if __name__ == "__main__":
    main()
