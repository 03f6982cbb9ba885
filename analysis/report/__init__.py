"""The evidence bundle's page: one HTML file with its charts, to open anywhere, years later."""

from __future__ import annotations

from analysis.report.page import page

__all__ = ["page"]
