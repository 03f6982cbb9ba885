"""What GPM measures between two samples: of a device, and of a MIG instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import exporters.catalog.gpu_mig as mig
import exporters.catalog.gpu_profiling as signals
from exporters.catalog.signal import Signal
from exporters.gpu.families.family import Labels
from exporters.gpu.nvml.library import ratio

PROFILING: Final = "profiling"
CYCLES: Final = "cycle_counters"
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Metric:
    """One GPM metric (NVML_GPM_METRIC_*) and the series it fills."""

    id: int
    signal: Signal
    labels: Labels = ()
    convert: Callable[[float], float | None] = ratio
    family: str = PROFILING


def _bytes(mebibytes: float) -> float | None:
    return mebibytes * MIB if mebibytes >= 0 else None


def _count(value: float) -> float | None:
    return value if value >= 0 else None


def _pipes(signal: Signal) -> Iterable[Metric]:
    ids = (5, 6, 7, 8, 9, 4, 11, 12, 13)
    for id_, pipe in zip(ids, signals.PIPES, strict=True):
        yield Metric(id_, signal, (pipe,))


def _engines(prefix: str, first: int) -> Iterable[Metric]:
    engines = [engine for engine in signals.CODEC_ENGINES if engine.startswith(prefix)]
    for id_, engine in enumerate(engines, start=first):
        yield Metric(id_, signals.CODEC_ACTIVE, (engine,))


def _traffic(signal: Signal, **ids: int) -> Iterable[Metric]:
    for direction, id_ in ids.items():
        yield Metric(id_, signal, (direction,), _bytes)


def _cycles(id_: int, signal: Signal, *labels: str) -> Metric:
    return Metric(id_, signal, labels, _count, CYCLES)


FIRST: Final = (
    Metric(1, signals.GRAPHICS_ACTIVE),
    Metric(2, signals.SM_ACTIVE),
    Metric(3, signals.SM_OCCUPANCY),
    *_pipes(signals.PIPE_ACTIVE),
    Metric(10, signals.DRAM_ACTIVE),
    *_traffic(signals.PCIE_BANDWIDTH, tx=20, rx=21),
    *_traffic(signals.NVLINK_BANDWIDTH, tx=61, rx=60),
    *_engines("nvdec", 30),
    *_engines("nvjpg", 40),
    *_engines("nvofa", 50),
)
FROM_580: Final = (
    *_traffic(signals.C2C_BANDWIDTH, tx=100, rx=101),
    *(
        Metric(id_, signals.CACHE_HIT, (cache,))
        for id_, cache in zip((160, 162, 164), signals.CACHES, strict=True)
    ),
    *_engines("nvenc", 166),
)
FROM_595: Final = (
    _cycles(248, signals.SM_CYCLES),
    _cycles(249, signals.SM_CYCLES_ACTIVE),
    *(
        _cycles(id_, signals.PIPE_CYCLES_ACTIVE, pipe)
        for id_, pipe in zip(
            (250, 254, 252, 251, 253, 257, 258, 259, 260), signals.PIPES, strict=True
        )
    ),
)
GENERATIONS: Final = (FIRST, FROM_580, FROM_595)
"""By the drivers that brought them; one that refuses the whole question is asked for fewer."""

OF_INSTANCE: Final = (
    Metric(1, mig.MIG_GRAPHICS_ACTIVE),
    Metric(2, mig.MIG_SM_ACTIVE),
    Metric(3, mig.MIG_SM_OCCUPANCY),
    *_pipes(mig.MIG_PIPE_ACTIVE),
    Metric(10, mig.MIG_DRAM_ACTIVE),
)
