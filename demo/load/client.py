"""One user: sends a request, streams the answer, and tries again as their policy says."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import asdict, dataclass

import httpx

from demo.load.traffic import Request


@dataclass
class Policy:
    """How a client behaves when it is refused or kept waiting."""

    backoff: bool = True
    retries: int = 3
    timeout_seconds: float = 20.0


@dataclass
class Felt:
    """What one user felt, over all tries: one line of the load's record."""

    start: float
    priority: str
    status: int = 0
    ttft: float | None = None
    total: float = 0.0
    tokens: int = 0
    retries: int = 0
    left: bool = False

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


class Client:
    """Sends requests to the front door; `policy` may change while requests are under way."""

    def __init__(self, url: str, policy: Policy, client: httpx.AsyncClient, seed: int) -> None:
        self.url, self.policy, self._client = url, policy, client
        self._random = random.Random(f"{seed}/backoff")

    async def ask(self, request: Request) -> Felt:
        """Send until it is answered, refused for good, or the tries are used up."""
        started = time.monotonic()
        felt = Felt(start=time.time(), priority=request.priority)
        while True:
            wait = await self._try(request, felt, started)
            if wait is None or felt.retries >= self.policy.retries:
                break
            felt.retries += 1
            if self.policy.backoff:
                await asyncio.sleep(self._backoff(felt.retries, wait))
        felt.total = time.monotonic() - started
        return felt

    def _backoff(self, retries: int, asked: float) -> float:
        """Exponential with jitter, never shorter than the service asked for."""
        return asked + self._random.uniform(0.5, 1.0) * min(8.0, 0.5 * float(2**retries))

    async def _try(self, request: Request, felt: Felt, started: float) -> float | None:
        """One try; seconds that the service asks to wait before the next, None for no next."""
        try:
            async with asyncio.timeout(self.policy.timeout_seconds):
                return await self._stream(request, felt, started)
        except TimeoutError:
            felt.status = 0
            return 0.0
        except httpx.HTTPError:
            felt.status = 0
            return 0.0

    async def _stream(self, request: Request, felt: Felt, started: float) -> float | None:
        path, body = _body(request)
        headers = {"x-priority": request.priority, "x-stainless-retry-count": str(felt.retries)}
        async with self._client.stream(
            "POST", self.url + path, json=body, headers=headers
        ) as response:
            felt.status = response.status_code
            if response.status_code in {429, 503}:
                return float(response.headers.get("retry-after", "0"))
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                felt.ttft = felt.ttft or time.monotonic() - started
                felt.tokens += 1
                if felt.tokens == request.hang_up_after:
                    felt.left = True
                    break
        return None


def _body(request: Request) -> tuple[str, dict[str, object]]:
    common = {"model": "tiny", "max_tokens": request.max_tokens, "stream": True}
    if request.chat:
        message = {"role": "user", "content": request.prompt}
        return "/v1/chat/completions", {**common, "messages": [message]}
    return "/v1/completions", {**common, "prompt": request.prompt}
