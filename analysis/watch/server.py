"""Run `watch` in the foreground until it is told to stop."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alerts.config import RulesSection
from analysis.collect import Sources
from analysis.config import AnalysisSection, WatchSection
from analysis.watch.app import app
from exporters.errors import UsageError
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
    built = app(section, analysis, sources, rules=rules)
    with alone(section.database):
        serve_app(
            built,
            section.host,
            section.port,
            announce=announce,
            lifespan="on",
            grace_seconds=GRACE_SECONDS,
        )


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Hold the database for this process: two that answer the same alerts would tell all twice.

    The kernel lets go of it however the process ends. Raises UsageError when another holds it.
    """
    with ExitStack() as held:
        try:
            lock = held.enter_context(database.with_suffix(".lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            taken = isinstance(error, BlockingIOError)
            why = "is in use by another `busysignal watch`" if taken else f"cannot be held: {error}"
            raise UsageError(
                f"[watch] database = {str(database)!r} {why}; stop that one, or name another file"
            ) from None
        yield
