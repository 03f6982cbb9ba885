"""From an engine's table to PromQL: each alias in the neutral unit, the first that has series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.model import Recording
from exporters.catalog import neutral
from exporters.catalog.engines import ENGINES, REPLICA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporters.catalog.engines import Alias
    from exporters.catalog.signal import Recorded, Selector

BY = "by (service, replica)"
SHARES = frozenset({neutral.KV_CACHE_USAGE})
"""Gauges whose largest part speaks for the replica; all others are added up."""


def either(signal: Recorded, aliases: Iterable[Alias], window: str) -> str:
    """PromQL of the first alias that a replica has series for."""
    return "\nor\n".join(query(signal, alias, window) for alias in aliases)


def query(signal: Recorded, alias: Alias, window: str) -> str:
    """PromQL of one alias, by service and replica, in the neutral unit."""
    operation = signal.name.rpartition(":")[2]
    if operation == "p99":
        return _quantile(alias, window)
    if operation == "mean":
        return _mean(alias, window)
    if operation == "rate":
        return _scaled(alias, " + ".join(_added(alias, s, window) for s in _shares(alias)))
    aggregate = "max" if signal in SHARES else "sum"
    return _scaled(alias, f"{aggregate} {BY} ({_distinct(alias, alias.series)})")


def shown() -> tuple[Recording, ...]:
    """Which engine a replica runs: one that shows any of the names that are always there."""
    return tuple(
        Recording(neutral.ENGINE, f"group {BY} (\n  {_any(spellings)}\n)", {"engine": engine.name})
        for engine in ENGINES
        if (spellings := [alias for _, aliases in engine.promised() for alias in aliases])
    )


def missing() -> tuple[Recording, ...]:
    """1 where a replica shows some of an engine's names and lacks one that is always there."""
    return tuple(
        Recording(
            neutral.ENGINE_SIGNAL_MISSING,
            f"{neutral.ENGINE.value.where(engine=engine.name)}\n"
            f"unless on (service, replica)\n({_any(spellings)})",
            {"engine": engine.name, "signal": signal.name},
        )
        for engine in ENGINES
        for signal, spellings in engine.promised()
    )


def _any(aliases: Iterable[Alias]) -> str:
    return "\n  or\n  ".join(_cheapest(alias.series.where(job=REPLICA)) for alias in aliases)


def _cheapest(series: Selector) -> str:
    # One bucket tells as well as all of them that a histogram is there.
    return str(series.where(le="+Inf") if series.series.endswith("_bucket") else series)


def _shares(alias: Alias) -> tuple[Selector, ...]:
    return (alias.series, *alias.plus)


def _added(alias: Alias, series: Selector, window: str) -> str:
    added = f"sum {BY} ({_distinct(alias, f'rate({series}[{window}])')})"
    if series == alias.series:
        return added
    # A share that has not happened yet has no series, and must not take the rest with it.
    return f"({added} or 0 * sum {BY} (rate({alias.series}[{window}])))"


def _distinct(alias: Alias, inner: str) -> str:
    return f"max without ({', '.join(alias.copies)}) ({inner})" if alias.copies else inner


def _scaled(alias: Alias, expr: str) -> str:
    return expr if alias.factor == 1.0 else f"{alias.factor!r} * ({expr})"


def _quantile(alias: Alias, window: str) -> str:
    bucket, grouped = alias.series, BY.replace(")", ", le)")
    rates = _distinct(alias, f"rate({bucket}[{window}])")
    count = f"sum {BY} (rate({bucket.where(le='+Inf')}[{window}]))"
    quantile = _scaled(alias, f"histogram_quantile(0.99, sum {grouped} ({rates}))")
    return f"(\n  {quantile}\n  and\n  ({count} > 0)\n)"


def _mean(alias: Alias, window: str) -> str:
    assert alias.per is not None, "a mean is a sum over a count"
    count = f"sum {BY} ({_distinct(alias, f'rate({alias.per}[{window}])')})"
    total = f"sum {BY} ({_distinct(alias, f'rate({alias.series}[{window}])')})"
    return _scaled(alias, f"{total} / ({count} > 0)")
