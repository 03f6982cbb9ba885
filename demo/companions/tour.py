"""A tour: the healthy service with all companions, until every panel that they fill has data."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from alerts.config import RulesSection
from dashboards.config import DashboardsSection
from dashboards.empties import COMPANIONS, RIGHTLY_EMPTY
from dashboards.queries import panel_queries
from dashboards.render import documents
from demo.companions.beside import JOBS, Companions
from demo.servers import RunFolder
from demo.stack import SERVICE, Say, Stack
from demo.stage import Stage

SEED = 20_261_124
PATIENCE_SECONDS = 150.0
HEALTHY_SECONDS = 8.0
"""Before anything is disturbed: a link must have been up to go down."""
EVERYWHERE = {"service": SERVICE, "model": ".*", "instance": ".*", "gpu": ".*", "replica": ".*"}

Panel = tuple[str, str]
"""A board's uid and a panel's title."""
Show = Callable[[Stack], None]


def play(folder: RunFolder, say: Say, show: Show = lambda _: None) -> set[Panel]:
    """Run servers, service and companions; return the panels of theirs that stayed empty.

    `show` is called while everything runs.
    """
    wanted = {(one.board, one.panel) for one in RIGHTLY_EMPTY if one.run == COMPANIONS}
    with (
        Stack(folder, say, beside=JOBS) as stack,
        Stage(
            RunFolder(folder.path / "tour"),
            SEED,
            telemetry=stack.telemetry,
            device_state=stack.device,
        ) as stage,
        Companions(stack, stage) as companions,
    ):
        stack.aim([*stage.targets, *companions.targets])
        say("the service is up, and its companions")
        time.sleep(HEALTHY_SECONDS)
        companions.disturb()
        left = empty_panels(stack, wanted, PATIENCE_SECONDS)
        say(f"{len(wanted) - len(left)} of {len(wanted)} panels have data")
        show(stack)
    return left


def empty_panels(
    stack: Stack, wanted: set[Panel] | None = None, patience: float = 15.0
) -> set[Panel]:
    """Which of the panels (all, if none is named) have no data within so many seconds."""
    queries = [
        query
        for document in documents(DashboardsSection(), RulesSection()).values()
        for query in panel_queries(document)
    ]
    left = {(query.board, query.panel) for query in queries}
    left = left if wanted is None else left & wanted
    end = time.monotonic() + patience
    while True:
        for query in queries:
            panel = (query.board, query.panel)
            promql = query.promql(EVERYWHERE, rate_interval="4s", span="60s")
            if panel in left and stack.labels_of(promql):
                left.discard(panel)
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.5)


def run(parent: Path, say: Say) -> bool:
    """Play it in a new folder below `parent`; say what stayed empty, True if nothing did."""
    left = play(RunFolder.create(parent), say)
    for board, panel in sorted(left):
        say(f"empty: {board}: {panel}")
    return not left
