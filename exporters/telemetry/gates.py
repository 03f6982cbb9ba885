"""When a place, or one index of it, may be asked again: backoff with jitter of our own."""

from __future__ import annotations

import time
from collections.abc import Iterable

from exporters.chance import CHANCE
from exporters.telemetry.sink import Outcome, Trouble


def backoff(failures: int, first: float, cap: float) -> float:
    """Double with each failure up to the cap, with jitter so that processes spread out."""
    return CHANCE.uniform(0.5, 1.0) * min(cap, first * 2.0 ** min(failures, 20))


class Gate:
    """Closed for a while after each trouble, longer each time; open again after a success."""

    def __init__(self, first: float, cap: float) -> None:
        self._first, self._cap = first, cap
        self.failures = 0
        self.opens = 0.0
        self.trouble: Trouble | None = None

    def close(self, trouble: Trouble) -> None:
        """Shut it for the pause that was asked for, or for our own if that is longer."""
        pause = max(trouble.pause_seconds, backoff(self.failures, self._first, self._cap))
        self.opens = time.monotonic() + pause
        self.failures += 1
        self.trouble = trouble


class Gates:
    """One gate for the place and one for each index that gave trouble."""

    def __init__(self, first: float, cap: float) -> None:
        self._first, self._cap = first, cap
        self._indices: dict[str, Gate] = {}
        self.place = Gate(first, cap)

    def note(self, outcome: Outcome) -> None:
        """Learn from what a write came to."""
        if outcome.trouble is not None:
            self.place.close(outcome.trouble)
        else:
            self.place = Gate(self._first, self._cap)
        for index in {line.index for line in outcome.written} - outcome.blocked.keys():
            self._indices.pop(index, None)
        for index, trouble in outcome.blocked.items():
            gate = self._indices.setdefault(index, Gate(self._first, self._cap))
            gate.close(trouble)

    @property
    def all_open(self) -> bool:
        """Whether there is no trouble with anything."""
        return not self._indices and self.place.failures == 0

    def is_open(self, index: str) -> bool:
        """Say whether documents of this index may be sent now."""
        gate = self._indices.get(index)
        now = time.monotonic()
        return self.place.opens <= now and (gate is None or gate.opens <= now)

    def is_known(self, index: str) -> bool:
        """Say whether this index has given trouble and not been well since."""
        return index in self._indices

    def opens(self, indices: Iterable[str]) -> float:
        """When the first of these indices may be asked, by the monotonic clock."""
        times = [self._indices[i].opens if i in self._indices else 0.0 for i in indices]
        return max(self.place.opens, min(times, default=0.0))

    def is_hopeless(self, indices: Iterable[str]) -> bool:
        """Say whether patience of seconds will get none of these documents through."""
        if self.place.trouble is not None:
            return self.place.trouble.kind == "away"
        gates = [self._indices.get(index) for index in indices]
        return all(
            gate is not None and gate.trouble is not None and gate.trouble.kind == "away"
            for gate in gates
        )
