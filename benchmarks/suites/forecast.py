"""forecast: load a day ahead, from rolling origins, beside the peers that are installed.

Layout: any CSV or JSON-lines file with a column of times. Samples at even distance are series,
forecast a day ahead; anything else is a trace of requests, counted into rates and forecast a sixth
of its length ahead. MASE is the absolute error over that of the seasonal naive within the history
(Hyndman and Koehler, International Journal of Forecasting 22, 2006).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.forecast.model import Forecast
from analysis.forecast.series import WEEK, Floats, Series
from benchmarks.suites.forecast_data import Case, cases
from benchmarks.suites.forecast_peers import contenders, cycle
from benchmarks.suites.result import NoLayoutError, Result

LEVEL: Final = 0.9
ORIGINS: Final = 2
HISTORY_WEEKS: Final = 4
NEAR_PART: Final = 24
DRAWS: Final = 2000
Figures = dict[str, float]


def run(data: Path) -> Result:
    """Forecast every series below `data` with ours and each peer."""
    found = [judged for case in cases(data) if (judged := judge(case))]
    if not found:
        raise NoLayoutError(f"no CSV or JSON lines of load over time below {data}")
    names = list(contenders())
    return Result(
        "forecast",
        summary(found, names),
        found,
        columns=("id", "steps", "ahead", *(_key(n, "mase") for n in names), "coverage"),
    )


def judge(case: Case) -> dict[str, Any] | None:
    """Every contender at every origin of one series; None where nothing can be scored."""
    length = len(case.series)
    scores: dict[str, list[Figures]] = {name: [] for name in contenders()}
    for origin in np.linspace(length / 2, length - case.ahead, ORIGINS).astype(int):
        truth = case.series.values[origin : origin + case.ahead]
        history = case.series.until(origin).last(HISTORY_WEEKS * WEEK)
        scale = naive_error(history)
        if not (np.isfinite(truth).any() and scale > 0):
            continue
        for name, contender in contenders().items():
            said, seconds = timed(lambda: contender(history, case.ahead, LEVEL))  # noqa: B023 - called at once
            scores[name].append({**score(said, truth, scale), "seconds": seconds})
    if not scores["ours"]:
        return None
    figures = {
        _key(name, key): float(np.nanmean([one[key] for one in of]))
        for name, of in scores.items()
        for key in ("mase", "mase_near", "coverage", "width", "seconds")
    }
    return {"id": case.name, "steps": length, "ahead": case.ahead, **figures}


def score(said: Forecast, truth: Floats, scale: float) -> Figures:
    """Error over all steps and over the first part, share inside, width of the bounds."""
    known = np.isfinite(truth)
    missed = np.abs(truth - said.expected)
    near = np.arange(len(truth)) < max(1, len(truth) // NEAR_PART)
    inside = (truth >= said.lower) & (truth <= said.upper)
    return {
        "mase": float(missed[known].mean() / scale),
        "mase_near": float(missed[known & near].mean() / scale) if (known & near).any() else np.nan,
        "coverage": float(inside[known].mean()),
        "width": float(np.mean(said.upper - said.lower) / scale),
    }


def naive_error(history: Series) -> float:
    """Mean absolute error of the seasonal naive within the history: the unit of MASE."""
    period = cycle(history)
    missed = np.abs(history.values[period:] - history.values[:-period])
    known = missed[np.isfinite(missed)]
    return float(known.mean()) if len(known) else 0.0


def timed(work: Callable[[], Forecast]) -> tuple[Forecast, float]:
    """The answer and its CPU seconds, those of child processes among them: Prophet has some."""
    before = _cpu_seconds()
    said = work()
    return said, _cpu_seconds() - before


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def summary(found: list[dict[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Means over all cases, each contender beside ours."""
    peers = [name for name in names if name != "ours"]
    figures: dict[str, Any] = {
        _key(name, key): float(np.nanmean([case[_key(name, key)] for case in found]))
        for name in ("ours", *peers)
        for key in ("mase", "mase_near", "coverage", "width")
    }
    for name in ("ours", *peers):
        taken = [case[_key(name, "seconds")] for case in found]
        figures[_key(name, "seconds_per_case")] = float(np.median(taken))
    for name in peers:
        ratio = np.array([case["mase"] / max(case[_key(name, "mase")], 1e-12) for case in found])
        figures[f"mase_over_{name}"] = float(np.exp(np.log(ratio).mean()))
        figures[f"mase_over_{name}_interval"] = interval(np.log(ratio))
        figures[f"better_than_{name}"] = float((ratio < 1).mean())
    return {"level": LEVEL, **figures}


def interval(logs: Floats) -> tuple[float, float]:
    """95 % bootstrap interval of a geometric mean, cases drawn with replacement."""
    chance = np.random.default_rng(0)
    means = chance.choice(logs, (DRAWS, len(logs))).mean(axis=1)
    low, high = np.exp(np.quantile(means, (0.025, 0.975)))
    return (round(float(low), 3), round(float(high), 3))


def _key(name: str, figure: str) -> str:
    return figure if name == "ours" else f"{name}_{figure}"
