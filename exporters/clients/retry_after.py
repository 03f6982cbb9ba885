"""The Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

Now = Callable[[], float]


def retry_after_seconds(value: str | None, now: Now = time.time) -> float | None:
    """Seconds to wait, at least 0; None where the header is missing or says nothing usable.

    Fractions of a second are no HTTP, but some services send them.
    """
    if value is None or not value.isascii():
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    try:
        return max(0.0, moment.timestamp() - now())
    except (ValueError, OverflowError, OSError):
        return None
