"""detection: how soon the detectors say that something is unusual in recorded runs of the demo.

Layout: folders that `busysignal demo` kept, `RUN/prometheus/wal` with `RUN/FAULT-SEED` beside it.
Health is what the other runs of the same folder recorded before their faults; a run is judged row
by row from there on. Nothing knows which fault it is, nor when it was injected.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from analysis.detectors import Floats, LevelShift, SeriesStream, adjusted, persistent
from analysis.detectors.multivariate import together
from benchmarks import wal
from benchmarks.suites.result import Case, NoLayoutError, Result
from benchmarks.suites.statistics import wilson
from demo.faults import FAULTS
from demo.run import INJECTED

SETTLED: Final = 8
"""Seconds until rates over the five minutes of the demo (5 s) are whole."""
HEALTHY: Final = 30
"""Seconds of health in recordings that do not say when the fault was injected."""
AIMED: Final = 2
"""Seconds from aiming Prometheus at a gateway to its first recorded sample, give or take one."""
LASTING: Final = 3
QUIET: Final = frozenset({"none"})
TIME_SCALE: Final = 60
DAY: Final = 86_400 / TIME_SCALE
ALPHA: Final = 0.01
"""Of rows of health that may be unusual, and of a row's findings that may be false."""
LEAST_RUNS: Final = 3
LEAST_KNOWN: Final = 0.9
PREFIXES: Final = ("llm:", "gpu:")
BUDGETS: Final = "llm:slo_"
"""What is left of a budget only ever shrinks: no level to leave."""
Alarmed = Callable[[Floats, Floats], Floats]
"""Healthy rows and the run's rows in, 1.0 for rows that are an alarm out."""


@dataclass(frozen=True)
class Run:
    """One recorded run: a row a second, a column a series; `injected` is a row."""

    name: str
    fault: str
    names: tuple[str, ...]
    rows: Floats
    injected: int

    @property
    def health(self) -> Floats:
        """Rows before the fault."""
        return self.rows[: self.injected]


def run(data: Path) -> Result:
    """Judge every recorded run below `data`; folders of fewer than three runs are passed over."""
    cases: list[Case] = []
    for log in sorted(data.rglob("prometheus/wal")):
        runs = list(read(log.parent.parent))
        if len(runs) >= LEAST_RUNS:
            cases += [judged(one, runs) for one in runs]
    if not cases:
        raise NoLayoutError(f"no RUN/prometheus/wal with three RUN/FAULT-SEED below {data}")
    names = list(DETECTORS)
    columns = ("id", "health_s", *(f"{name}_{key}" for name in names for key in ("delay", "false")))
    return Result("detection", summary(cases), cases, columns)


def read(folder: Path) -> Iterator[Run]:
    """The runs of one folder: each has a gateway of its own, in the order of their folders."""
    points = wal.read(folder / "prometheus" / "wal", _is_wanted)
    series = {tuple(key): values for key, values in points.items()}
    gateways = sorted(
        (values[0][0], values[-1][0])
        for key, values in series.items()
        if dict(key)["__name__"] == "busysignal:target_up" and dict(key).get("job") == "gateway"
    )
    kept = [one for one in folder.glob("*-[0-9]*") if one.name.rpartition("-")[0] in FAULTS]
    for place in sorted(kept, key=lambda one: one.stat().st_mtime):
        spans = [span for span in gateways if _is_of(place, *span)]
        if len(spans) == 1:
            yield _run(place, *spans[0], series)


def _is_wanted(name: str) -> bool:
    chosen = name.startswith(PREFIXES) and not name.startswith(BUDGETS)
    return chosen or name == "busysignal:target_up"


def _run(place: Path, first: int, last: int, series: Mapping[Any, list[tuple[int, float]]]) -> Run:
    """The largest of each name's series at each second: replicas have other names in each run."""
    fault = place.name.rpartition("-")[0]
    start = first + SETTLED * 1000
    table: dict[str, Floats] = {}
    for key, points in series.items():
        column = dict(key)["__name__"]
        if column.startswith(PREFIXES):
            found = table.setdefault(column, np.full((last - start) // 1000 + 1, np.nan))
            for at, value in points:
                row = (at - start) // 1000
                if 0 <= row < len(found):
                    found[row] = np.fmax(found[row], value)
    names = tuple(sorted(table))
    rows = np.column_stack([table[one] for one in names])
    return Run(place.name, fault, names, rows, _injected(place, start))


def _is_of(place: Path, first: int, last: int) -> bool:
    """Whether a gateway seen from `first` to `last` (milliseconds) is that run's."""
    if (place / INJECTED).is_file():
        return first < 1000 * float((place / INJECTED).read_text()) < last
    soon = 0 <= first - 1000 * place.stat().st_mtime < 30_000
    return soon and last - first > HEALTHY * 1000


def _injected(place: Path, start: int) -> int:
    """The row of the fault: as the run says, or else as its seed had it."""
    told = place / INJECTED
    if told.is_file():
        return round(float(told.read_text()) - start / 1000)
    fault, _, seed = place.name.rpartition("-")
    onset = FAULTS[fault].onset(Random(f"{seed}/{fault}"))
    return round(HEALTHY + onset) - AIMED - SETTLED


def judged(one: Run, runs: Sequence[Run]) -> Case:
    """Delay after the fault and false alarms before it, of every detector."""
    others = [other for other in runs if other is not one]
    names = [n for n in one.names if all(n in other.names for other in others)]
    health = np.concatenate([_columns(other, names, other.health) for other in others])
    rows = _columns(one, names, one.rows)
    usable = np.isfinite(health).mean(axis=0) >= LEAST_KNOWN
    calm = one.fault in QUIET
    case: dict[str, Any] = {
        "id": one.name, "series": int(usable.sum()), "rows": len(rows),
        "health_s": len(rows) if calm else one.injected,
    }  # fmt: skip
    for name, alarmed in DETECTORS.items():
        began = time.process_time()
        raised = alarmed(health[:, usable], rows[:, usable]) > 0
        seconds = time.process_time() - began
        early = raised if calm else raised[: one.injected]
        late = np.flatnonzero(raised[one.injected :])
        case |= {
            f"{name}_delay": None if calm or not len(late) else int(late[0]),
            f"{name}_false": int(early[0]) + int((early[1:] & ~early[:-1]).sum()),
            f"{name}_seconds": seconds,
        }
    return case


def _columns(one: Run, names: Sequence[str], rows: Floats) -> Floats:
    return rows[:, [one.names.index(name) for name in names]]


def streamed(health: Floats, rows: Floats) -> Floats:
    """Every series by itself, online; lasting findings among all series of a row."""
    found = np.full(rows.shape, np.nan)
    for column in range(rows.shape[1]):
        stream = SeriesStream(len(health))
        stream.extend(health[:, column])
        found[:, column] = persistent(stream.extend(rows[:, column]).p, LASTING)
    return _findings(found)


def levelled(health: Floats, rows: Floats) -> Floats:
    """Robust sigmas of every series, at the detector's own threshold, that last."""
    detector = LevelShift().fit(health)
    outside = np.nan_to_num(np.abs(detector.sigmas(rows)), nan=0.0) / detector.threshold
    low = -persistent_rows(-outside)
    return np.asarray(np.nan_to_num(low, nan=0.0).max(axis=1) > 1, dtype=np.float64)


def rowwise(name: str) -> Alarmed:
    """All series at once, by one of the multivariate detectors; gaps are the health's median."""

    def alarmed(health: Floats, rows: Floats) -> Floats:
        usual = np.nanmedian(health, axis=0)
        detector = together()[name].fit(np.where(np.isfinite(health), health, usual))
        p = detector.p_values(np.where(np.isfinite(rows), rows, usual))
        return np.asarray(persistent(p, LASTING) < ALPHA, dtype=np.float64)

    return alarmed


def blind(health: Floats, rows: Floats) -> Floats:
    """Chance: six alarms a day, wherever they fall."""
    chance = np.random.default_rng([*health.shape, *rows.shape])
    return np.asarray(chance.random(len(rows)) < 6 / DAY, dtype=np.float64)


def persistent_rows(values: Floats) -> Floats:
    """`persistent` of each column."""
    return np.column_stack([persistent(column, LASTING) for column in values.T])


def _findings(p: Floats) -> Floats:
    """Rows in which a series is a finding, at a false discovery rate of `ALPHA`."""
    worst = np.array([np.nanmin(adjusted(row)) if np.isfinite(row).any() else 1.0 for row in p])
    return np.asarray(worst < ALPHA, dtype=np.float64)


DETECTORS: Final[Mapping[str, Alarmed]] = {
    "stream": streamed,
    "level": levelled,
    "pca": rowwise("pca_residual"),
    "forest": rowwise("isolation_forest"),
    "blind": blind,
}


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """Over all runs: share found with its interval, delay, false alarms a day, CPU."""
    broken = [case for case in cases if case["id"].rpartition("-")[0] not in QUIET]
    days = sum(case["health_s"] for case in cases) / DAY
    values = sum(case["rows"] * case["series"] for case in cases)
    figures: dict[str, Any] = {"faults": len(broken), "days_of_health": days}
    for name in DETECTORS:
        delays = [case[f"{name}_delay"] for case in broken if case[f"{name}_delay"] is not None]
        figures |= {
            f"{name}_found": len(delays) / max(len(broken), 1),
            f"{name}_found_interval": tuple(round(x, 3) for x in wilson(len(delays), len(broken))),
            f"{name}_delay_median_s": statistics.median(delays) if delays else None,
            f"{name}_false_alarms_a_day": sum(case[f"{name}_false"] for case in cases) / days,
            f"{name}_microseconds_a_value": 1e6
            * sum(case[f"{name}_seconds"] for case in cases)
            / values,
        }
    return figures
