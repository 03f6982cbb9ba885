"""What calls to other services came to, seen by the caller across all attempts.

>>> caller = Caller("chat", ClientMetrics())
>>> httpx.Client(transport=MeteredTransport(caller))
"""

from __future__ import annotations

from exporters.clients.caller import Caller
from exporters.clients.httpx_transport import (
    AsyncMeteredTransport,
    CircuitOpenError,
    MeteredTransport,
)
from exporters.clients.metrics import ClientMetrics
from exporters.clients.policy import NO_RETRY, CircuitPolicy, Fallback, RetryPolicy

__all__ = [
    "NO_RETRY", "AsyncMeteredTransport", "Caller", "CircuitOpenError", "CircuitPolicy",
    "ClientMetrics", "Fallback", "MeteredTransport", "RetryPolicy",
]  # fmt: skip
