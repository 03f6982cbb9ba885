"""Where an excess comes from: callers inherit it, so the cause has it and calls nobody with it."""

from analysis.ranking.rank import Candidate, rank
from analysis.ranking.scene import Measured, Scene

__all__ = ["Candidate", "Measured", "Scene", "rank"]
