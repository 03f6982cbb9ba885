"""Every first call of a fresh service, made before its load begins."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from demo.service.config import MODEL

LENGTHS = (16, 64, 128)
AT_ONCE = 6
"""Prompt lengths, each asked by so many callers at once."""

TIMEOUT_SECONDS = 60.0


def warm_up(doors: Sequence[str]) -> None:
    """Send batches to each base URL in turn.

    Nobody scrapes yet, so none of it reaches a rate or a quantile.
    """
    with (
        httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def ask(url: str, length: int) -> None:
            body = {"model": MODEL, "prompt": "a" * length, "max_tokens": 8, "stream": True}
            # Who warms up does not read the answers, so a bad version passes.
            with contextlib.suppress(httpx.RemoteProtocolError):
                client.post(f"{url}/v1/completions", json=body).raise_for_status()

        for door in doors:
            for length in LENGTHS:
                list(pool.map(ask, [door] * AT_ONCE, [length] * AT_ONCE))
