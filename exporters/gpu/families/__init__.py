"""All that is read of a device, as data: one table per topic."""

from __future__ import annotations

from typing import Final

from exporters.gpu.families import board, condition, links
from exporters.gpu.families.family import Family, Field, Labels, Question, Sample

FAMILIES: Final = (*board.FAMILIES, *condition.FAMILIES, *links.FAMILIES)

__all__ = ["FAMILIES", "Family", "Field", "Labels", "Question", "Sample"]
