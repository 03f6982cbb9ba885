"""How a family of readings is written down: its name, what to ask, which signals it fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from exporters.catalog.signal import Signal
from exporters.gpu.nvml import Handle

Labels = tuple[str, ...]
Sample = tuple[Signal, Labels, float | None]
Question = Callable[[Handle], Iterable[Sample]]
"""One NVML call; raises NvmlError. Values that the driver marks as not there are None."""

Links = Literal["nvlink", "c2c"]


@dataclass(frozen=True, slots=True)
class Field:
    """One NVML field value (NVML_FI_*) and the series it fills.

    `scale` brings it into base units; `convert` does where that is no multiplication; `states`
    are the label values of which exactly one is 1, in the order of NVML's codes. A field asked of
    each link gets the link's number as its first label.
    """

    id: int
    signal: Signal
    labels: Labels = ()
    scale: float = 1.0
    scope: int = 0
    convert: Callable[[float], float | None] | None = None
    states: tuple[str, ...] = ()
    each: Links | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Readings that a device either has or has not, as one; slow ones change seldom if ever."""

    name: str
    questions: tuple[Question, ...] = ()
    fields: tuple[Field, ...] = ()
    is_slow: bool = False


def one(signal: Signal, read: Callable[[Handle], float | None]) -> Question:
    """A question whose answer is one value."""
    return lambda handle: ((signal, (), read(handle)),)


def several(
    signals: Sequence[Signal], read: Callable[[Handle], Sequence[float | None]]
) -> Question:
    """A question whose answer is a value for each signal, in their order."""

    def ask(handle: Handle) -> Iterable[Sample]:
        # A driver may leave out the last ones.
        return [(signal, (), value) for signal, value in zip(signals, read(handle), strict=False)]

    return ask


def each(
    signal: Signal, read: Callable[[Handle, str], float | None], keys: Iterable[str]
) -> tuple[Question, ...]:
    """One question per label value."""

    def question(key: str) -> Question:
        return lambda handle: ((signal, (key,), read(handle, key)),)

    return tuple(question(key) for key in keys)


def table(signal: Signal, read: Callable[[Handle], Mapping[str, float] | None]) -> Question:
    """A question whose answer is a value per label value."""

    def ask(handle: Handle) -> Iterable[Sample]:
        found = read(handle) or {}
        return [(signal, (key,), float(value)) for key, value in found.items()]

    return ask


def flag(value: float) -> float:
    """1 for anything but 0."""
    return float(bool(value))


def positive(value: float) -> float | None:
    """Nothing for the 0 that some boards answer instead of "not available"."""
    return value if value > 0 else None
