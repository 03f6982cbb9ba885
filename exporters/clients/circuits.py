"""One circuit breaker for each target: purgatory's states, one trial at a time when half open."""

from __future__ import annotations

from threading import Lock
from typing import Final

from purgatory.domain.model import Context, OpenedState

from exporters.clients.metrics import ClientMetrics
from exporters.clients.policy import CircuitPolicy

STATES: Final = {"closed": "closed", "half-opened": "half_open", "opened": "open"}


class Circuits:
    """Circuits of all targets of a client; without a policy every request may pass."""

    def __init__(self, policy: CircuitPolicy | None, metrics: ClientMetrics) -> None:
        self.policy = policy
        self._metrics = metrics
        self._contexts: dict[str, Context] = {}
        self._trials: set[str] = set()
        self._lock = Lock()

    def enter(self, target: str) -> bool:
        """Whether a request may be sent now; what entered must `leave`."""
        if self.policy is None:
            return True
        with self._lock:
            context = self._context(self.policy, target)
            try:
                context.handle_new_request()
            except OpenedState:
                return False
            is_trial = context.state == "half-opened"
            may_pass = not (is_trial and target in self._trials)
            if is_trial and may_pass:
                self._trials.add(target)
            self._tell(context)
            return may_pass

    def leave(self, target: str, *, failed: bool | None) -> None:
        """Tell how a request that entered went; None says nothing of the target."""
        if self.policy is None:
            return
        with self._lock:
            context = self._context(self.policy, target)
            self._trials.discard(target)
            was_open = context.state == "opened"
            if failed:
                context.handle_exception(ConnectionError(target))
            elif failed is not None:
                context.handle_end_request()
            if context.state == "opened" and not was_open:
                self._metrics.circuit_opened(target)
            self._tell(context)

    def _context(self, policy: CircuitPolicy, target: str) -> Context:
        context = self._contexts.get(target)
        if context is None:
            context = Context(target, policy.failures, policy.open_seconds)
            self._contexts[target] = context
        return context

    def _tell(self, context: Context) -> None:
        context.messages.clear()  # purgatory's own bookkeeping for stores that we do not use
        self._metrics.circuit(context.name, STATES[context.state])
