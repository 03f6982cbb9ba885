"""What a source could not tell: the honest part of every answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Gap:
    """A source, and what is missing from what it answered."""

    source: str
    gap: str
