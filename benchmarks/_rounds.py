"""Interleaved rounds: every contender runs in every round, in random order, judged by CPU time."""

from __future__ import annotations

import gc
import json
import platform
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path


def medians(
    contenders: Mapping[str, Callable[[int], None]], *, calls: int, rounds: int
) -> dict[str, float]:
    """Median CPU microseconds of one call; each contender is a function that makes n calls."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(max(1, calls // 10))
    for _ in range(rounds):
        for name in random.sample(list(contenders), len(contenders)):
            gc.collect()
            before = time.process_time_ns()
            contenders[name](calls)
            taken[name].append((time.process_time_ns() - before) / calls / 1e3)
    return {name: statistics.median(times) for name, times in taken.items()}


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def beside(value: float, ours: float) -> str:
    """A figure and how many times ours it is."""
    return f"{value:.2f} ({value / ours:.1f}x)"


def write_json(path: Path, result: Mapping[str, object]) -> None:
    """Write a result with what it was measured on."""
    stamp = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    path.write_text(json.dumps({**stamp, **result}, indent=2) + "\n", encoding="utf-8")


def commit() -> str:
    """The commit this was measured at."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"
