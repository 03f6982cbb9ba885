"""`busysignal watch`: an alert comes in by webhook, a verdict goes out to people."""

from __future__ import annotations

from analysis.watch.app import app
from analysis.watch.server import serve

__all__ = ["app", "serve"]
