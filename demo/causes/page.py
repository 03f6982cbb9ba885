"""`docs/causes.md` from the tree, and what the tree names that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.config import RulesSection
from alerts.rules import alerts_in, groups
from dashboards import render
from dashboards.config import DashboardsSection
from demo.causes.tree import TREE, Branch, Cause
from demo.faults import FAULTS
from demo.incidents.faults import KNOWN
from demo.incidents.outside import OUTSIDE
from exporters.catalog.boards import Board
from exporters.catalog.kinds import KINDS

SIMULATED = "incidents:"
HEAD = """\
<!-- Made by `busysignal causes`; change demo/causes/tree.py, not this file. -->

# From "busy" to its cause

Seven questions split what a person sees as "server busy"; each cause says how it shows, what
measures it, which rule wakes people, where to look, how to rehearse it, and what to do. The kind
is what a verdict calls it. ◆ marks a single point: when it goes, everything behind it goes.

`busysignal demo --fault all` is the chaos suite: it makes every fault of the demo below in real
processes, and fails unless page and verdict come as declared. `busysignal incidents` simulates the
others. [load/locustfile.py](load/locustfile.py) puts load on a service of your own.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([HEAD, _drawing(), *(_branch(branch) for branch in TREE)])


def gaps() -> list[str]:
    """One line for every kind without a cause, and every name that nothing answers to."""
    causes = [cause for branch in TREE for cause in branch.causes]
    placed = {cause.kind for cause in causes}
    lines = [f"kind {kind} has no place in the tree" for kind in KINDS if kind not in placed]
    rules = {alert.name for alert in alerts_in(groups(RulesSection()))}
    panels = _panels()
    for cause in causes:
        lines += [f"{cause.name}: {missing}" for missing in _missing(cause, rules, panels)]
    return lines


def _missing(cause: Cause, rules: set[str], panels: set[tuple[str, str]]) -> Iterator[str]:
    if cause.kind not in KINDS:
        yield f"kind {cause.kind!r} is not in the catalogue"
    for part in ("signals", "rules", "panels", "trials"):
        if not getattr(cause, part):
            yield f"has no {part}"
    yield from (f"no rule is called {name}" for name in cause.rules if name not in rules)
    for board, title in cause.panels:
        if (board.uid, title) not in panels:
            yield f"{board.title} has no panel {title!r}"
    yield from (f"no trial is called {name}" for name in cause.trials if not _is_trial(name))


def _is_trial(name: str) -> bool:
    simulated = name.removeprefix(SIMULATED)
    return simulated in {*KNOWN, *OUTSIDE} if simulated != name else name in FAULTS


def _panels() -> set[tuple[str, str]]:
    documents = render.documents(DashboardsSection(), RulesSection())
    return {
        (uid, panel["title"])
        for uid, document in documents.items()
        for row in document["panels"]
        for panel in (row, *row.get("panels", ()))
    }


def _drawing() -> str:
    lines = ["```", "busy"]
    for branch in TREE:
        lines.append(f"├─ {branch.title}: {branch.asks}")
        lines += [f"│  ├─ {_title(cause)}" for cause in branch.causes]
    return "\n".join([*lines, "```", ""])


def _branch(branch: Branch) -> str:
    return "\n".join([f"## {branch.asks}\n", *(_cause(cause) for cause in branch.causes)])


def _cause(cause: Cause) -> str:
    rows = (
        ("kind", f"`{cause.kind}`: {KINDS[cause.kind].means}"),
        ("signals", ", ".join(f"`{signal.name}`" for signal in cause.signals)),
        ("rules", ", ".join(f"[{name}](runbooks/{name}.md)" for name in cause.rules)),
        ("panels", ", ".join(_panel(board, title) for board, title in cause.panels)),
        ("rehearse", ", ".join(_trial(name) for name in cause.trials)),
        ("do", cause.remedy or KINDS[cause.kind].remedy),
    )
    table = "\n".join(f"| {head} | {text} |" for head, text in rows)
    shows = f"{cause.shows[0].upper()}{cause.shows[1:]}."
    return f"### {_title(cause)}\n\n{shows}\n\n| | |\n|---|---|\n{table}\n"


def _title(cause: Cause) -> str:
    return f"{cause.name} ◆" if cause.single_point else cause.name


def _panel(board: Board, title: str) -> str:
    return f"{board.title} › {title}"


def _trial(name: str) -> str:
    simulated = name.removeprefix(SIMULATED)
    if simulated == name:
        return f"`busysignal demo --fault {name}`"
    return f"simulated `{simulated}`"
