"""What a source could not tell: the honest part of every answer."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.sources.errors import CREDENTIALS


@dataclass(frozen=True, order=True)
class Gap:
    """A source, and what is missing from what it answered."""

    source: str
    gap: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", CREDENTIALS.sub("", self.gap))
