"""What a place for documents must offer, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from exporters.telemetry.document import Kind, Line

TroubleKind = Literal["busy", "away"]


class Trouble(NamedTuple):
    """Why documents must wait: "busy" asks for patience, "away" did not answer as it should.

    `pause_seconds` is the pause that was asked for.
    """

    kind: TroubleKind
    why: str
    pause_seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What became of each line.

    `trouble` is that of the whole place, `blocked` that of single indices. `refused` counts what
    a place took but for some that it does not name, by kind, with its reason.
    """

    written: list[Line] = field(default_factory=list)
    later: list[Line] = field(default_factory=list)
    poison: list[tuple[Line, str]] = field(default_factory=list)
    refused: list[tuple[Kind, int, str]] = field(default_factory=list)
    blocked: dict[str, Trouble] = field(default_factory=dict)
    trouble: Trouble | None = None


class Sink(Protocol):
    """A place that takes documents; `write` never raises for what the place does."""

    name: str

    def write(self, lines: Sequence[Line]) -> Outcome:
        """Write all lines, or say which must wait and which will never be taken."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
