"""Log lines grouped by the statement that wrote them, learned from the lines alone."""

from analysis.templates.changes import Change, changes
from analysis.templates.miner import TemplateMiner

__all__ = ["Change", "TemplateMiner", "changes"]
