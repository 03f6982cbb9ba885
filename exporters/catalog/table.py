"""The table of all signals, as Markdown, from the catalogue itself."""

from __future__ import annotations

from exporters.catalog import ROOMS, Signal

HEAD = """\
# Signals

Made by `busysignal signals`; every series the stack writes or reads. `neutral` series are recorded
by the rules from whatever engine runs, and are what dashboards, alerts and analysis read. Beside
the labels below, targets carry `job` and `instance`, and where they belong to a service `service`
and `replica`.
"""


def markdown() -> str:
    """Render one table per room of the catalogue, in the catalogue's order."""
    return "\n".join([HEAD, *(_room(name, signals) for name, signals in ROOMS.items())])


def _room(name: str, signals: tuple[Signal, ...]) -> str:
    rows = "\n".join(map(_row, signals))
    return (
        f"## {name}\n\n| series | type | unit | labels | meaning |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(signal: Signal) -> str:
    series = "<br>".join(f"`{selector}`" for selector in signal.selectors())
    labels = ", ".join(f"`{label}`" for label in signal.labels) or "–"
    return f"| {series} | {signal.type} | {signal.unit} | {labels} | {signal.help} |"
