"""The load: `python -m demo.load.generator CONFIG`; requests arrive whether or not others ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.trace import NoOpTracer
from pydantic import Field
from starlette.applications import Starlette
from starlette.routing import Route

from demo.load.client import Client, Policy
from demo.load.traffic import Traffic
from demo.service.calls import pool
from demo.service.config import ProcessConfig, read
from demo.service.serving import Endpoint, healthy, serve
from exporters.clients import NO_RETRY, AsyncMeteredTransport, Caller, ClientMetrics
from exporters.exposition import metrics_app


class LoadConfig(ProcessConfig):
    """Whom to ask, how often, and where to write what was felt (NDJSON)."""

    target: str
    record: Path
    seed: int = 0
    rate: float = Field(11.0, gt=0)
    repeats: float = Field(0.0, ge=0, lt=1)


class Load:
    """Sends open-loop traffic from the moment it is started by control."""

    def __init__(self, config: LoadConfig) -> None:
        self.config = config
        self.traffic = Traffic(config.seed, config.rate, config.repeats)
        self.policy = Policy()
        self.metrics = ClientMetrics()
        self.sending = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()

    def control(self, change: dict[str, Any]) -> dict[str, Any]:
        """`run`; factors `arrivals`, `prompts`, `outputs`; `hang_ups`, the share of users.

        How clients resend: `backoff`, `retries`, `timeout`.
        """
        self.traffic.rate = self.config.rate * float(
            change.get("arrivals", self.traffic.rate / self.config.rate)
        )
        self.traffic.prompt_factor = float(change.get("prompts", self.traffic.prompt_factor))
        self.traffic.output_factor = float(change.get("outputs", self.traffic.output_factor))
        self.traffic.hang_up_share = float(change.get("hang_ups", self.traffic.hang_up_share))
        self.policy.backoff = bool(change.get("backoff", self.policy.backoff))
        self.policy.retries = int(change.get("retries", self.policy.retries))
        self.policy.timeout_seconds = float(change.get("timeout", self.policy.timeout_seconds))
        if "run" in change:
            (self.sending.set if change["run"] else self.sending.clear)()
        return {"in_flight": len(self._asking)}

    async def send(self) -> None:
        """Start a request at each arrival."""
        # Each user tries again as their policy says, which may change while they wait.
        caller = Caller("gateway", self.metrics, retry=NO_RETRY, tracer=NoOpTracer())
        transport = AsyncMeteredTransport(caller, pool())
        loop = asyncio.get_running_loop()
        with self.config.record.open("a", encoding="utf-8", buffering=1) as record:
            async with httpx.AsyncClient(timeout=30, transport=transport, trust_env=False) as http:
                client = Client(self.config.target, self.policy, http, self.config.seed)
                due = loop.time()
                for gap in self.traffic.gaps():
                    due = max(due + gap, loop.time() - 0.1)
                    await asyncio.sleep(due - loop.time())
                    await self.sending.wait()
                    self._start(client, record)

    def _start(self, client: Client, record: Any) -> None:
        async def ask() -> None:
            record.write((await client.ask(self.traffic.request())).line())

        task = asyncio.create_task(ask())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Send while the process serves."""
        sending = asyncio.create_task(self.send())
        yield
        sending.cancel()
        for task in self._asking:
            task.cancel()


def main() -> None:
    """Run until told to stop."""
    config = read(LoadConfig)
    load = Load(config)
    routes = [
        Route("/-/healthy", healthy),
        Route("/metrics", Endpoint(metrics_app(load.metrics))),
    ]
    app = Starlette(routes=routes, lifespan=load.lifespan)
    serve(app, config.port, load.control, config.control_port)


if __name__ == "__main__":
    main()
