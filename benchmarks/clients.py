"""What measuring and retrying cost a caller, beside two peers that each do a part of it.

Run as `python -m benchmarks.clients [--json FILE]`. The target answers from memory: no network.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from benchmarks import _rounds as rounds
from exporters.clients import Caller, ClientMetrics, MeteredTransport

URL = "http://chat.invalid/v1/completions"
CHUNKS = 64
CHUNK = b'data: {"choices": [{"text": "word"}]}\n\n'
PLAIN = "httpx alone"
AGAIN = "httpx alone, again (noise)"
OURS = "busysignal"
BODY = b'{"model": "m", "prompt": "hello"}'


class Chunks(httpx.SyncByteStream):
    """A streamed answer, there at once."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK


class Memory(httpx.BaseTransport):
    """Answers every request at once, whole or streamed."""

    def __init__(self, *, is_streamed: bool) -> None:
        self._is_streamed = is_streamed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._is_streamed:
            return httpx.Response(200, stream=Chunks())
        return httpx.Response(200, stream=httpx.ByteStream(b"fine"))


def transports(*, is_streamed: bool) -> dict[str, httpx.BaseTransport]:
    """Every contender around the same target; peers that are not installed are left out."""
    target = Memory(is_streamed=is_streamed)
    found: dict[str, httpx.BaseTransport] = {
        PLAIN: target,
        AGAIN: target,
        OURS: MeteredTransport(Caller("chat", ClientMetrics()), target),
    }
    if importlib.util.find_spec("httpx_retries"):
        from httpx_retries import RetryTransport  # noqa: PLC0415 - a peer, where it is installed

        found["httpx-retries (measures nothing)"] = RetryTransport(transport=target)
    with suppress(ImportError):
        found["OpenTelemetry httpx (retries nothing)"] = instrumented(target)
    return found


def instrumented(target: httpx.BaseTransport) -> httpx.BaseTransport:
    """OpenTelemetry's transport with metrics, and spans that are not sampled."""
    from opentelemetry.instrumentation.httpx import (  # noqa: PLC0415 - a peer, where installed
        SyncOpenTelemetryTransport,
    )

    wrapped: httpx.BaseTransport = SyncOpenTelemetryTransport(
        target,
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF),
        meter_provider=MeterProvider([InMemoryMetricReader()]),
    )
    return wrapped


def asking(transport: httpx.BaseTransport) -> Callable[[int], None]:
    """A function that sends n requests and reads their answers."""
    client = httpx.Client(transport=transport)

    def run(count: int) -> None:
        for _ in range(count):
            with client.stream("POST", URL, content=BODY) as response:
                for _ in response.iter_raw():
                    pass

    return run


def measure(*, calls: int = 500, repeats: int = 25) -> dict[str, dict[str, float]]:
    """Added CPU microseconds over httpx alone, per request and per streamed chunk."""
    added: dict[str, dict[str, float]] = {}
    for is_streamed in (False, True):
        contenders = {
            name: asking(transport)
            for name, transport in transports(is_streamed=is_streamed).items()
        }
        taken = rounds.medians(contenders, calls=calls, rounds=repeats)
        base = taken.pop(PLAIN)
        for name, micros in taken.items():
            added.setdefault(name, {})["streamed" if is_streamed else "whole"] = micros - base
    return {
        name: {
            "per request": costs["whole"],
            "per streamed chunk": (costs["streamed"] - costs["whole"]) / CHUNKS,
        }
        for name, costs in added.items()
    }


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    taken = measure()
    rows = [
        (name, *(rounds.beside(cost, taken[OURS][what] or 1.0) for what, cost in costs.items()))
        for name, costs in taken.items()
    ]
    print(rounds.table(("added CPU microseconds", "per request", "per streamed chunk"), rows))
    if options.json:
        rounds.write_json(options.json, {"unit": "microseconds", **taken})


if __name__ == "__main__":
    main()
