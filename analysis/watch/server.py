"""Run `watch` in the foreground until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable

from alerts.config import RulesSection
from analysis.collect import Sources
from analysis.config import AnalysisSection, WatchSection
from analysis.watch.app import app
from exporters.exposition import serve_app

GRACE_SECONDS = 5


def serve(
    section: WatchSection,
    analysis: AnalysisSection,
    sources: Sources,
    *,
    rules: RulesSection | None = None,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the address once it listens.

    Raises UsageError when the address, the database or the token file cannot be used.
    """
    serve_app(
        app(section, analysis, sources, rules=rules),
        section.host,
        section.port,
        announce=announce,
        lifespan="on",
        grace_seconds=GRACE_SECONDS,
    )
