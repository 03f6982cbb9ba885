"""What a place for documents must offer, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from exporters.telemetry.document import Line


@dataclass(slots=True)
class Outcome:
    """What became of each line.

    `trouble` is "busy" when the place asks for patience, "away" when it did not answer as
    it should; `pause_seconds` is the pause it asked for, and `why` says it in words.
    """

    written: list[Line] = field(default_factory=list)
    later: list[Line] = field(default_factory=list)
    poison: list[tuple[Line, str]] = field(default_factory=list)
    trouble: Literal["busy", "away"] | None = None
    pause_seconds: float = 0.0
    why: str = ""


class Sink(Protocol):
    """A place that takes documents; `write` never raises for what the place does."""

    name: str

    def write(self, lines: Sequence[Line]) -> Outcome:
        """Write all lines, or say which must wait and which will never be taken."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
