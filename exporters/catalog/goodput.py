"""Signals of goodput: requests that kept every service level at once, counted one by one.

It cannot be told from the levels' own shares: whether the late requests are also those that
failed, or others, only the request itself knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exporters.catalog.signal import Counter, Gauge

Streaming = tuple[float, float, Sequence[int]]
"""Seconds to the first chunk and on to the last one, and the gaps between chunks by bucket."""


class Bounds(NamedTuple):
    """What a good request keeps, in seconds; a mean gap between tokens counts as one of them."""

    duration: float = 0.5
    first_token: float = 0.5
    inter_token: float = 0.1

    def kept(self, seconds: float, streaming: Streaming | None) -> bool:
        """Whether a good answer was done in time, and if it was streamed, began and flowed so."""
        if seconds > self.duration or streaming is None:
            return seconds <= self.duration
        to_first, first_to_last, gaps = streaming
        return to_first <= self.first_token and first_to_last <= self.inter_token * sum(gaps)


GOOD = Bounds()
REQUESTS_GOOD = Counter(
    name="llm_requests_good",
    help="Requests answered well and within every bound of llm_good_request_bound_seconds.",
    labels=("model",),
    unit="requests",
)
BOUND = Gauge(
    name="llm_good_request_bound_seconds",
    help="What a good request keeps: its duration, first_token, and mean inter_token time.",
    labels=("bound",),
    unit="seconds",
)

SIGNALS = (REQUESTS_GOOD, BOUND)
