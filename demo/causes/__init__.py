"""The fault tree: from "busy" down to every cause, with all that measures, tells and mends it."""

from __future__ import annotations

from demo.causes.page import gaps, markdown
from demo.causes.tree import TREE, Branch, Cause

__all__ = ["TREE", "Branch", "Cause", "gaps", "markdown"]
