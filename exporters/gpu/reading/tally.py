"""What one pass over a device finds: values, and what became of each family."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Protocol, Self

from exporters.catalog.signal import Signal
from exporters.gpu.families import Family, Labels, Sample
from exporters.gpu.nvml import (
    AbsentError,
    DeniedError,
    DriverGoneError,
    GpuLostError,
    NvmlError,
    Process,
)

Values = dict[str, dict[Labels, float]]

SUPPORTED, DENIED, ABSENT, ERROR = "supported", "denied", "absent", "error"
_WEIGHT: Final = {ABSENT: 0, DENIED: 1, ERROR: 2, SUPPORTED: 3}
"""What a family that came out in several ways counts as: the heaviest."""


class Monitor(Protocol):
    """Hears of every call: how long it took, and of those that failed without good reason."""

    def timed(self, seconds: float) -> None: ...

    def failed(self, error: NvmlError) -> None: ...


class Tally:
    """Values and outcomes of one pass; what is slow to change is kept from the last full pass."""

    def __init__(self, monitor: Monitor, *, is_full: bool, last: Tally | None) -> None:
        self.monitor = monitor
        self.is_full = is_full or last is None
        self.quick: Values = {}
        self.slow: Values = {}
        self.processes: tuple[Process, ...] = ()
        self._outcomes: dict[str, str] = {}
        self._known: dict[str, str] = {}
        if last is not None and not self.is_full:
            self.slow, self._known = last.slow, last.outcomes

    @property
    def outcomes(self) -> dict[str, str]:
        """Of every family that was asked for in this pass or the last full one."""
        return self._known | self._outcomes

    @property
    def values(self) -> Values:
        return self.slow | self.quick

    def target(self, family: Family, signal: Signal) -> dict[Labels, float]:
        """Where the values of one signal go."""
        values = self.slow if family.is_slow else self.quick
        return values.setdefault(signal.name, {})

    def found(self, family: Family, samples: Iterable[Sample]) -> None:
        for signal, labels, value in samples:
            if value is None:
                self.came_out(family, ABSENT)
            else:
                self.target(family, signal)[labels] = value
                self.came_out(family, SUPPORTED)

    def failed(self, family: Family, error: NvmlError) -> None:
        """Count a failure; raises it again where it is the whole device's."""
        if isinstance(error, GpuLostError | DriverGoneError):
            raise error
        if isinstance(error, AbsentError):
            self.came_out(family, ABSENT)
        elif isinstance(error, DeniedError):
            self.came_out(family, DENIED)
        else:
            self.came_out(family, ERROR)
            self.monitor.failed(error)

    def came_out(self, family: Family, outcome: str) -> None:
        before = self._outcomes.get(family.name)
        if before is None or _WEIGHT[outcome] > _WEIGHT[before]:
            self._outcomes[family.name] = outcome

    def asking(self, family: Family) -> Asking:
        """Time a call, and count it against the family where it fails."""
        return Asking(self, family)


class Asking:
    """A context in which one call is made; `error` is what became of it."""

    __slots__ = ("_began", "_family", "_tally", "error")

    def __init__(self, tally: Tally, family: Family) -> None:
        self._tally, self._family = tally, family
        self.error: NvmlError | None = None

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._tally.monitor.timed(time.perf_counter() - self._began)
        if not isinstance(error, NvmlError):
            return False
        self.error = error
        self._tally.failed(self._family, error)
        return True
