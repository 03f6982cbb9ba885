"""Verdicts on evidence that means nothing: none may crash, and hardly any may name a cause.

`python -m benchmarks.noise COUNT [SEED]` draws as many services whose series are noise of a random
sort, with values and times that no healthy source would send, and counts what is named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.diagnose import diagnose
from analysis.evidence import SECOND, SERIES_SCHEMA, Alert, Change, Evidence, Window
from analysis.quantities import QUANTITIES

START: Final = 1_700_000_000 * SECOND
ROWS: Final = 90
Sort = Callable[[np.random.Generator], NDArray[np.float64]]
ALLOWED: Final = 0.02
OWNERS: Final = {
    "service": ("service/chat",), "replica": ("replica/a", "replica/b", 'replica/it is "3"'),
    "upstream": ("upstream/x",), "cache": ("cache/t",), "gpu": ("gpu/0", "gpu/1"),
}  # fmt: skip
FACTS: Final = {"gpu_xid": 0.0, "oom_kills": 0.0, "gpu_up": 1.0}
"""An XID, a killed process, a device that is gone: one is enough, so none is noise."""
WILD: Final = (np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, 1e-300)


@dataclass(frozen=True)
class Counted:
    """How many verdicts there were, and how many of them named a cause."""

    verdicts: int
    named: int

    @property
    def share(self) -> float:
        return self.named / self.verdicts


def main(arguments: list[str]) -> int:
    """Print the count; exit status 1 where more than one in fifty is named."""
    count, seed = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    found = measure(count, seed)
    sys.stdout.write(f"{found.verdicts} verdicts on noise, {found.named} named a cause\n")
    return int(found.share > ALLOWED)


def measure(count: int, seed: int) -> Counted:
    """Judge `count` services of noise; the same seed gives the same ones."""
    named = [diagnose(evidence(f"{seed}/{number}")).result == "named" for number in range(count)]
    return Counted(count, sum(named))


def evidence(seed: str) -> Evidence:
    """One service whose series are noise of one sort, with a few hostile values in some."""
    rng = Random(seed)
    draw = np.random.default_rng(rng.getrandbits(64))
    sort = rng.choice((white, walk, spikes, constant))
    hostile = rng.random() < 0.3
    times = START + np.arange(ROWS) * SECOND
    frames = [
        _frame(owner, quantity.key, times, _values(quantity.key, sort, draw, hostile=hostile))
        for quantity in QUANTITIES
        for owner in OWNERS.get(quantity.owner, (quantity.owner,))
        if rng.random() < 0.9
    ]
    begin, end = int(times[0]), int(times[-1])
    changed = (Change(begin + 60 * SECOND, "restart", "replica/a", "x", "y", "test"),)
    return Evidence(
        alert=Alert("LatencyP99High", end, {"service": "chat"}),
        window=Window(begin, begin + 45 * SECOND, end, SECOND),
        service="chat",
        series=pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=rng.getrandbits(16)),
        changes=changed if rng.random() < 0.3 else (),
    )


def white(draw: np.random.Generator) -> NDArray[np.float64]:
    """Independent values about a level of any size."""
    level = 10.0 ** draw.uniform(-3, 3)
    return np.asarray(level * draw.lognormal(0.0, draw.uniform(0.01, 0.5), ROWS))


def walk(draw: np.random.Generator) -> NDArray[np.float64]:
    """A level that wanders a little and comes back."""
    steps, values = draw.normal(0.0, 0.05, ROWS), np.zeros(ROWS)
    for row in range(1, ROWS):
        values[row] = 0.8 * values[row - 1] + steps[row]
    return np.asarray(10.0 ** draw.uniform(-3, 3) * np.exp(values))


def spikes(draw: np.random.Generator) -> NDArray[np.float64]:
    """Nothing, and now and then a single value."""
    return np.where(draw.random(ROWS) < 0.03, draw.random(ROWS), 0.0)


def constant(draw: np.random.Generator) -> NDArray[np.float64]:
    """The same value for ever."""
    return np.full(ROWS, draw.choice((0.0, 1.0, 1e9)))


def _values(
    quantity: str, sort: Sort, draw: np.random.Generator, *, hostile: bool
) -> NDArray[np.float64]:
    if quantity in FACTS:
        return np.full(ROWS, FACTS[quantity])
    values = sort(draw)
    if not hostile:
        return values
    wild = draw.choice(WILD, ROWS)
    return np.where(draw.random(ROWS) < 0.02, wild, values)


def _frame(
    entity: str, quantity: str, times: NDArray[np.int64], values: NDArray[np.float64]
) -> pl.DataFrame:
    return pl.DataFrame(
        {"entity": entity, "quantity": quantity, "part": "", "ts_ns": times, "value": values},
        schema=SERIES_SCHEMA,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
