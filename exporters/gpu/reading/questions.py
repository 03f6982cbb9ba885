"""Readings that cost a call each."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.gpu.families import Family, Question
from exporters.gpu.nvml import AbsentError, Handle
from exporters.gpu.reading.tally import Tally


class Questions:
    """Asks everything on a full pass; between them only what changes and was not absent."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._all = [(family, ask) for family in families for ask in family.questions]
        self._quick: list[tuple[Family, Question]] = []

    def read(self, handle: Handle, tally: Tally) -> None:
        if not tally.is_full:
            for family, ask in self._quick:
                _asked(handle, tally, family, ask)
            return
        self._quick = [
            (family, ask)
            for family, ask in self._all
            if _asked(handle, tally, family, ask) and not family.is_slow
        ]

    def release(self) -> None:
        """Nothing is held in the driver."""


def _asked(handle: Handle, tally: Tally, family: Family, ask: Question) -> bool:
    """Whether it is worth asking again soon."""
    with tally.asking(family) as asking:
        tally.found(family, ask(handle))
    return not isinstance(asking.error, AbsentError)
