"""Recordings of the service as its users meet it: everything comes from the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import mean, quantile, rate, share
from exporters.catalog import cache, neutral
from exporters.catalog import requests as raw

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Histogram, Recorded, Selector

GATEWAY = "gateway"
LONG_PROMPT_TOKENS = 2048


def traffic(scale: Scale) -> tuple[Recording, ...]:
    """Arrivals, outcomes and refusals."""
    window = scale.window("5m")

    def per_second(signal: Recorded, selector: Selector) -> Recording:
        return Recording(signal, rate(signal, selector.where(job=GATEWAY), window))

    return (
        per_second(neutral.STARTED_RATE, raw.REQUESTS_STARTED.total),
        per_second(neutral.OUTCOME_RATE, raw.REQUESTS.total),
        per_second(neutral.REJECTED_RATE, raw.REQUESTS_REJECTED.total),
        per_second(neutral.FALLBACK_RATE, raw.FALLBACKS.total),
        per_second(neutral.ATTEMPT_RATE, raw.ATTEMPTS.total),
        _share(
            neutral.ERROR_SHARE,
            raw.REQUESTS.total.matching(status=raw.SERVER_ERRORS, outcome=raw.FAILED),
            raw.REQUESTS.total,
            window,
        ),
        _share_in_step(
            neutral.RESENT_SHARE, raw.REQUESTS_RESENT.total, raw.REQUESTS_STARTED.total, window
        ),
        _share(
            neutral.UPSTREAM_ERROR_SHARE,
            raw.UPSTREAM_DURATION.count.matching(outcome=raw.FAILED),
            raw.UPSTREAM_DURATION.count,
            window,
        ),
        _share(
            neutral.CACHE_HIT_SHARE,
            cache.CACHE_LOOKUPS.total.where(result="hit"),
            cache.CACHE_LOOKUPS.total,
            window,
        ),
        _share(
            neutral.CACHE_ERROR_SHARE,
            cache.CACHE_LOOKUPS.total.where(result="error"),
            cache.CACHE_LOOKUPS.total,
            window,
        ),
    )


def _share(signal: Recorded, part: Selector, whole: Selector, window: str) -> Recording:
    return Recording(
        signal,
        share(
            rate(signal, part.where(job=GATEWAY), window),
            rate(signal, whole.where(job=GATEWAY), window),
        ),
    )


def _share_in_step(signal: Recorded, part: Selector, whole: Selector, window: str) -> Recording:
    """The share of a part that may begin all at once, such as a storm of retries.

    `rate` looks back no further than a counter's zero, so it tells a part that begins now smaller
    beside its whole than it is. `delta` extends both alike; where a counter began anew within the
    window, `rate` has the word.
    """
    of_gateway = [selector.where(job=GATEWAY) for selector in (part, whole)]
    began_anew = f"resets({of_gateway[1]}[{window}]) > 0"
    more, most = (
        f"sum by ({', '.join(signal.labels)}) (delta({one}[{window}]) unless {began_anew})"
        for one in of_gateway
    )
    rates = (rate(signal, one, window) for one in of_gateway)
    return Recording(signal, f"{share(more, most)}\nor\n{share(*rates)}")


def latency(scale: Scale) -> tuple[Recording, ...]:
    """How long requests, first tokens and calls to others take."""
    window = scale.window("5m")
    served = raw.REQUEST_DURATION_BY_OUTCOME
    return (
        _quantile("0.99", neutral.DURATION_P99, served, window, outcome=raw.SERVED),
        _quantile("0.5", neutral.DURATION_P50, served, window, outcome=raw.SERVED),
        _quantile("0.99", neutral.FIRST_TOKEN_P99, raw.TIME_TO_FIRST_TOKEN, window),
        _quantile("0.99", neutral.INTER_TOKEN_P99, raw.INTER_TOKEN_LATENCY, window),
        _mean(neutral.ATTEMPT_MEAN, raw.ATTEMPT_DURATION, window),
        _mean(neutral.UPSTREAM_MEAN, raw.UPSTREAM_DURATION, window),
    )


def _quantile(
    level: str, signal: Recorded, histogram: Histogram, window: str, **where: str
) -> Recording:
    return Recording(signal, quantile(level, signal, histogram, window, job=GATEWAY, **where))


def _mean(signal: Recorded, histogram: Histogram, window: str) -> Recording:
    return Recording(signal, mean(signal, histogram, window, job=GATEWAY))


def prompts(scale: Scale) -> tuple[Recording, ...]:
    """How long the prompts are that arrive."""
    window = scale.window("5m")
    signal = neutral.LONG_PROMPT_SHARE
    short = rate(signal, raw.PROMPT_LENGTH.le(LONG_PROMPT_TOKENS).where(job=GATEWAY), window)
    every = rate(signal, raw.PROMPT_LENGTH.count.where(job=GATEWAY), window)
    return (
        _mean(neutral.PROMPT_LENGTH_MEAN, raw.PROMPT_LENGTH, window),
        Recording(signal, f"1 - {short}\n/\n({every} > 0)"),
    )
