"""What torch's caching allocator makes of a GPU's memory, as the service tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from exporters.catalog import host as signals
from exporters.exposition.registry import Registry

GAUGES = {
    signals.TORCH_RESERVED: "reserved_bytes.all.current",
    signals.TORCH_ALLOCATED: "allocated_bytes.all.current",
    signals.TORCH_SPLIT: "inactive_split_bytes.all.current",
}
COUNTERS = {signals.TORCH_RETRIES: "num_alloc_retries", signals.TORCH_OOMS: "num_ooms"}
"""By the keys of torch.cuda.memory_stats; one that is not there has no series."""


class TorchMemory:
    """A source over `stats`, which returns torch.cuda.memory_stats of each device by its index.

    `TorchMemory(lambda: {"0": torch.cuda.memory_stats(0)})`: torch stays the service's affair. A
    process that has not touched its GPU yet is told nothing of, as is one whose `stats` raises
    RuntimeError, which is how torch says that there is no device.
    """

    def __init__(self, stats: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
        self._stats = stats

    def collect_text(self) -> str:
        """Ask torch, and write what it says."""
        try:
            devices = self._stats()
        except RuntimeError:
            return ""
        registry = Registry()
        for gpu, told in devices.items():
            for gauge, key in GAUGES.items():
                if key in told:
                    registry.gauge(gauge).set(told[key], gpu)
            for counter, key in COUNTERS.items():
                if key in told:
                    registry.counter(counter).set_total(told[key], gpu)
        return registry.collect_text()
