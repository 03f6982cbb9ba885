"""What an engine's table is made of: its own series, and what makes a neutral signal of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporters.catalog.signal import Recorded, Selector, Signal


@dataclass(frozen=True, kw_only=True)
class Alias:
    """One spelling of a neutral signal in one engine.

    What `series` must be follows from the neutral signal: a gauge; the total of a counter where
    the signal is a rate; buckets where it is a quantile; a sum where it is a mean, with `per` as
    the count it is divided by.
    """

    series: Selector
    per: Selector | None = None
    factor: float = 1.0
    """What turns the engine's unit into the neutral one, such as 0.001 for milliseconds."""
    plus: tuple[Selector, ...] = ()
    """Further series that count another share of the same thing."""
    copies: tuple[str, ...] = ()
    """Labels that tell copies of one value apart, such as tensor-parallel ranks: never summed."""
    late: bool = False
    """Absent until it first happens, so that its absence says nothing."""

    def selectors(self) -> Iterator[Selector]:
        """Yield every series this spelling reads."""
        yield self.series
        yield from self.plus
        if self.per is not None:
            yield self.per

    def where(self, **equal: str) -> Alias:
        """Narrow every series to the given labels."""
        return Alias(
            series=self.series.where(**equal),
            per=None if self.per is None else self.per.where(**equal),
            factor=self.factor,
            plus=tuple(more.where(**equal) for more in self.plus),
            copies=self.copies,
            late=self.late,
        )


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine's names, newest spelling first, as read from one stated version of it.

    `recorded` says of which version a real `/metrics` was at hand; None means that nobody has held
    the table against the running engine yet.
    """

    name: str
    read_from: str
    recorded: str | None
    aliases: Mapping[Recorded, tuple[Alias, ...]]
    signals: tuple[Signal, ...] = ()

    def promised(self) -> Iterator[tuple[Recorded, tuple[Alias, ...]]]:
        """Yield the signals whose series are there from the engine's start on."""
        for signal, spellings in self.aliases.items():
            if not any(alias.late for alias in spellings):
                yield signal, spellings
