"""How telemetry falls short of what happened: lost scrapes, missing signals, askew clocks."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from demo.incidents.recording import Series
from exporters.catalog import foreign, neutral
from exporters.catalog.engines import ENGINES

KEPT = {foreign.UP.name, foreign.PROCESS_START.name}


@dataclass(frozen=True)
class Blemishes:
    """What is wrong with the telemetry of one incident."""

    lost: float
    engine: str | None
    without_probe: bool
    without_spans: bool
    keep: float
    skew: dict[str, float]


def draw(rng: Random, replicas: list[str]) -> Blemishes:
    """Mostly small things."""
    skewed = {name: rng.gauss(0.0, 0.02) for name in replicas} if rng.random() < 0.3 else {}
    return Blemishes(
        lost=rng.uniform(0.01, 0.1) if rng.random() < 0.3 else 0.0,
        engine=rng.choice(("vllm", "sglang")) if rng.random() < 0.3 else None,
        without_probe=rng.random() < 0.1,
        without_spans=rng.random() < 0.1,
        keep=rng.uniform(0.03, 0.12),
        skew=skewed,
    )


def mar(series: list[Series], blemishes: Blemishes, seed: str) -> list[Series]:
    """The series that such telemetry would have recorded."""
    absent = _not_shown(blemishes)
    rng = np.random.default_rng(Random(f"{seed}/lost").getrandbits(64))
    kept = [one for one in series if one.name not in absent]
    if not blemishes.lost:
        return kept
    return [one if one.name in KEPT else _with_losses(one, blemishes.lost, rng) for one in kept]


def _with_losses(series: Series, share: float, rng: np.random.Generator) -> Series:
    lost = rng.random(len(series.values)) < share
    return series.with_values(np.where(lost, np.nan, series.values))


def _not_shown(blemishes: Blemishes) -> set[str]:
    absent = {neutral.KERNEL_SLOWDOWN.name} if blemishes.without_probe else set()
    if blemishes.engine is not None:
        absent |= _unknown_to(blemishes.engine)
    return absent


def _unknown_to(name: str) -> set[str]:
    """Neutral signals that our own engine shows and this one has no name for."""
    tables = {engine.name: set(engine.aliases) for engine in ENGINES}
    every = set().union(*tables.values())
    return {signal.name for signal in every - tables[name]}
