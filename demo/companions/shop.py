"""Callers with a circuit breaker: `python -m demo.companions.shop CONFIG`, one worker of a shop.

Workers of one folder count together; whichever is scraped shows the sum.
"""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
from pydantic import Field

from demo.service.config import HOST, MODEL, read
from exporters.clients import Caller, CircuitPolicy, ClientMetrics, MeteredTransport
from exporters.exposition import Registry, serve
from exporters.settings import Section


class ShopConfig(Section):
    """Whom to ask how often, where to be scraped, and where workers share what they count."""

    target: str
    port: int
    workers: Path
    every_seconds: float = Field(0.5, gt=0)


def main() -> None:
    """Ask until SIGTERM."""
    config = read(ShopConfig)
    stop = threading.Event()
    metrics = ClientMetrics(Registry(workers=config.workers))
    asking = threading.Thread(target=_ask, args=(config, metrics, stop))
    asking.start()
    try:
        serve([metrics.registry], HOST, config.port, stop=stop)
    finally:
        stop.set()
        asking.join()


def _ask(config: ShopConfig, metrics: ClientMetrics, stop: threading.Event) -> None:
    caller = Caller("gateway", metrics, circuit=CircuitPolicy())
    order = {"model": MODEL, "prompt": "What goes with a red chair?", "max_tokens": 4}
    with httpx.Client(transport=MeteredTransport(caller), trust_env=False, timeout=10) as client:
        while not stop.wait(config.every_seconds):
            try:
                client.post(f"{config.target}/v1/completions", json=order)
            except httpx.HTTPError:
                continue  # the transport has counted it


if __name__ == "__main__":
    main()
