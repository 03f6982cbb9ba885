"""Recordings of the service seen from outside: by the canary, and by those who call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from alerts.promql import mean, quantile, rate, share
from exporters.catalog import canary, clients
from exporters.catalog import neutral_outside as outside
from exporters.catalog.requests import SERVED

if TYPE_CHECKING:
    from alerts.durations import Scale
    from exporters.catalog.signal import Counter, Recorded

WRONG = "wrong_model|wrong_usage|wrong_content|garbled|empty|truncated|missing_done"
"""Outcomes of answers that came and were not right; what was refused or late is none of them."""


def canaries(scale: Scale) -> tuple[Recording, ...]:
    """What the endpoint probe met; of several that ask one endpoint, the worst speaks."""
    window = scale.window("5m")
    by = ", ".join(outside.ENDPOINT)
    wrong = canary.CANARY_REQUESTS.total.matching(outcome=WRONG)
    last, expiry = canary.CANARY_LAST_TIME.value, canary.CANARY_CERTIFICATE_EXPIRY.value
    return (
        Recording(outside.CANARY_UP, f"min by ({by}) ({canary.CANARY_UP.value})"),
        _rate(outside.CANARY_REQUESTS, canary.CANARY_REQUESTS, window),
        Recording(outside.CANARY_WRONG, f"sum by ({by}, outcome) (increase({wrong}[{window}]))"),
        _rate(outside.CANARY_BUSY, canary.CANARY_BUSY, window),
        Recording(
            outside.CANARY_FIRST_TOKEN,
            mean(outside.CANARY_FIRST_TOKEN, canary.CANARY_TIME_TO_FIRST_TOKEN, window),
        ),
        Recording(
            outside.CANARY_PHASE, mean(outside.CANARY_PHASE, canary.CANARY_PHASE_DURATION, window)
        ),
        Recording(
            outside.CANARY_INTER_TOKEN,
            mean(outside.CANARY_INTER_TOKEN, canary.CANARY_INTER_TOKEN, window),
        ),
        Recording(outside.CANARY_AGE, f"(max by ({by}) ({last}) - time()) * -1"),
        Recording(outside.CANARY_CERTIFICATE, f"min by ({by}) ({expiry}) - time()"),
    )


def callers(scale: Scale) -> tuple[Recording, ...]:
    """What those who call the service went through."""
    window = scale.window("5m")
    by = ", ".join(outside.TARGET)
    closed = clients.CLIENT_CIRCUIT_STATE.value.where(state="closed")
    return (
        _rate(outside.CLIENT_REQUESTS, clients.CLIENT_REQUESTS, window),
        _rate(outside.CLIENT_RETRIES, clients.CLIENT_RETRIES, window),
        _share(outside.CLIENT_RETRY_SHARE, clients.CLIENT_RETRIES, clients.CLIENT_ATTEMPTS, window),
        _rate(outside.CLIENT_GIVE_UPS, clients.CLIENT_GIVE_UPS, window),
        _share(
            outside.CLIENT_GIVE_UP_SHARE, clients.CLIENT_GIVE_UPS, clients.CLIENT_REQUESTS, window
        ),
        # Half open is not over: every call but one is still refused.
        Recording(outside.CLIENT_CIRCUIT, f"1 - min by ({by}) ({closed})"),
        Recording(
            outside.CLIENT_DURATION_P99,
            quantile(
                "0.99",
                outside.CLIENT_DURATION_P99,
                clients.CLIENT_REQUEST_DURATION,
                window,
                outcome=SERVED,
            ),
        ),
    )


def _rate(signal: Recorded, counter: Counter, window: str) -> Recording:
    return Recording(signal, rate(signal, counter.total, window))


def _share(signal: Recorded, part: Counter, whole: Counter, window: str) -> Recording:
    return Recording(
        signal, share(rate(signal, part.total, window), rate(signal, whole.total, window))
    )
