"""The gateway's side of the cache of answers: ask before the model, keep what the model said."""

from __future__ import annotations

import hashlib
import logging

import httpx

from demo.service.calls import Calls
from demo.service.openai_api import Completion
from exporters.exposition import Registry
from exporters.requests.caches import CacheMetrics

log = logging.getLogger("gateway.cache")

TIMEOUT_SECONDS = 0.25


class Answers:
    """Whole answers by what was asked; without `url` there is no cache, and nothing is found."""

    def __init__(self, url: str | None, calls: Calls, registry: Registry) -> None:
        self.url, self._calls = url, calls
        self._metrics = CacheMetrics(registry, "distributed") if url else None

    async def find(self, completion: Completion) -> bytes | None:
        """The answer that was given to the same request before. A cache that fails has none."""
        if self._metrics is None:
            return None
        try:
            with self._metrics.lookup() as found:
                answer = await self._client.get(self._address(completion), timeout=TIMEOUT_SECONDS)
                if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                    answer.raise_for_status()
                found.hit = answer.is_success
        except httpx.HTTPError as error:
            log.warning("the cache does not answer: %r", error)
            return None
        return answer.content if found.hit else None

    @property
    def _client(self) -> httpx.AsyncClient:
        return self._calls.to("cache")

    async def keep(self, completion: Completion, answer: bytes) -> None:
        """Remember an answer; one that cannot be kept is asked of the model again."""
        if self.url is None:
            return
        try:
            await self._client.put(
                self._address(completion), content=answer, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            log.warning("the cache takes nothing: %r", error)

    def _address(self, completion: Completion) -> str:
        asked = (completion.chat, completion.stream, completion.max_tokens, completion.prompt)
        return f"{self.url}/answers/{hashlib.sha256(repr(asked).encode()).hexdigest()}"
