"""The cache of whole answers: a process of its own, keys to bytes, the oldest let go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from demo.service.config import CacheConfig, read
from demo.service.serving import healthy, serve


class Cache:
    """At most `entries` answers."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def control(self, change: dict[str, Any]) -> dict[str, Any]:
        """Nothing to change; the same address as every other process."""
        return {"entries": len(self._held)}

    async def get(self, request: Request) -> Response:
        """The answer under a key, or 404."""
        held = self._held.get(request.path_params["key"])
        return Response(status_code=404) if held is None else Response(held)

    async def put(self, request: Request) -> Response:
        """Keep an answer."""
        self._held[request.path_params["key"]] = await request.body()
        while len(self._held) > self.entries:
            self._held.popitem(last=False)
        return Response(status_code=204)

    def app(self) -> ASGIApp:
        """All routes of the cache."""
        return Starlette(
            routes=[
                Route("/-/healthy", healthy),
                Route("/answers/{key}", self.get, methods=["GET"]),
                Route("/answers/{key}", self.put, methods=["PUT"]),
            ]
        )


def main() -> None:
    """Serve until told to stop."""
    config = read(CacheConfig)
    cache = Cache(config.entries)
    serve(cache.app(), config.port, cache.control, config.control_port)


if __name__ == "__main__":
    main()
