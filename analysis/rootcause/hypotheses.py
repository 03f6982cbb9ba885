"""All the causes that a verdict can tell apart."""

from __future__ import annotations

from analysis.rootcause.load_causes import LOAD
from analysis.rootcause.part_causes import PART

HYPOTHESES = (*LOAD, *PART)
