"""The gateway's own calls, to replicas and all else it needs: a measured client for each target."""

from __future__ import annotations

import httpx
from opentelemetry.trace import NoOpTracer

from exporters.clients import NO_RETRY, AsyncMeteredTransport, Caller, ClientMetrics
from exporters.exposition import Registry

TIMEOUT_SECONDS = 30.0


def pool() -> httpx.AsyncHTTPTransport:
    """Connections without a limit: what waits for one would be slow for a reason of our own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
    return httpx.AsyncHTTPTransport(limits=limits, trust_env=False)


class Calls:
    """Clients that share one pool of connections, and never try again.

    Whether to try again, and where, is the gateway's to say; it opens the spans of its attempts.
    """

    def __init__(self, registry: Registry) -> None:
        self._metrics = ClientMetrics(registry)
        self._pool = pool()
        self._clients: dict[str, httpx.AsyncClient] = {}

    def to(self, target: str) -> httpx.AsyncClient:
        """The client for one target, by the name that stands on its series."""
        if target not in self._clients:
            caller = Caller(target, self._metrics, retry=NO_RETRY, tracer=NoOpTracer())
            transport = AsyncMeteredTransport(caller, self._pool)
            self._clients[target] = httpx.AsyncClient(
                transport=transport, timeout=TIMEOUT_SECONDS, trust_env=False
            )
        return self._clients[target]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
