"""The alias tables against recorded `/metrics`: which engine it is, and what it says.

Layout: any `*.prom` or `*.metrics` file below the folder is one scrape. Rates cannot be had from
one scrape: a counter's total and a histogram's whole life stand in for them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.suites.metrics_text import Scrape
from benchmarks.suites.result import NoLayoutError, Result
from exporters.catalog.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.catalog import Recorded
    from exporters.catalog.engines import Alias, Engine

LAYOUT = ("*.prom", "*.metrics")


def run(data: Path) -> Result:
    """Read every recording below `data`; no recording is a NoLayoutError."""
    files = sorted(path for pattern in LAYOUT for path in data.rglob(pattern))
    if not files:
        raise NoLayoutError(f"no recorded /metrics ({' or '.join(LAYOUT)}) below {data}")
    began = time.perf_counter()
    cases = [{"id": str(path.relative_to(data)), **read(path)} for path in files]
    known = [case for case in cases if case["engine"]]
    return Result(
        "engines",
        {
            "recognised": len(known),
            "signals_missing": sum(len(case["missing"]) for case in known),
            "seconds_per_case": (time.perf_counter() - began) / len(cases),
        },
        cases,
        columns=("id", "engine", "llm:requests_running", "llm:queue_depth", "missing"),
    )


def read(path: Path) -> dict[str, Any]:
    """The engine of one recording, its neutral signals by name, and the promised ones it lacks."""
    scrape = Scrape(path.read_text(encoding="utf-8", errors="replace"))
    engine = next(_engines(scrape), None)
    if engine is None:
        return {"engine": None, "missing": []}
    return {
        "engine": engine.name,
        **{signal.name: _value(scrape, signal, engine) for signal in engine.aliases},
        "missing": [
            signal.name for signal, aliases in engine.promised() if not _is_there(scrape, aliases)
        ],
    }


def _engines(scrape: Scrape) -> Iterator[Engine]:
    """Engines that show the most of their names, best first."""
    shown = {
        engine.name: sum(_is_there(scrape, aliases) for aliases in engine.aliases.values())
        for engine in ENGINES
    }
    found = sorted(ENGINES, key=lambda engine: -shown[engine.name])
    return (engine for engine in found if shown[engine.name])


def _is_there(scrape: Scrape, aliases: tuple[Alias, ...]) -> bool:
    return any(scrape.select(alias.series) for alias in aliases)


def _value(scrape: Scrape, signal: Recorded, engine: Engine) -> float | None:
    for alias in engine.aliases[signal]:
        if scrape.select(alias.series):
            value = _of_alias(scrape, signal, alias)
            return None if value is None else value * alias.factor
    return None


def _of_alias(scrape: Scrape, signal: Recorded, alias: Alias) -> float | None:
    operation = signal.name.rpartition(":")[2]
    if operation == "p99":
        return scrape.quantile(0.99, alias.series, alias.copies)
    if operation == "ratio":
        return scrape.largest(alias.series)
    total = scrape.total((alias.series, *alias.plus), alias.copies)
    if alias.per is None or total is None:
        return total
    count = scrape.total((alias.per,), alias.copies)
    return total / count if count else None
