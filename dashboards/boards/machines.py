"""Machines: processor, memory and storage under replicas and stack, and what waits in front."""

from __future__ import annotations

from typing import Any

from alerts.config import RulesSection, Thresholds
from dashboards.panels import Dashboard, Panel, Row, Step, TimeSeries, rising
from dashboards.scope import choose, drawn, stat, whole
from exporters.catalog import Recorded, boards, neutral, neutral_levels

HOUR_SECONDS = 3600


def board(rules: RulesSection) -> Dashboard:
    """Build the board of machines, coloured by the alerts' own levels."""
    levels = rules.thresholds
    return whole(
        boards.MACHINES,
        "What replicas and stack stand on: is a machine full, or its storage slow?",
        (choose("instance", "Machine", neutral.NODE_CPU.value),),
        Row("Now", _now(levels, rules.scale.window("1h"))),
        Row("Processor and memory", _use(levels)),
        Row("Storage", _storage(levels)),
    )


def _number(title: str, about: str, signal: Recorded, **more: Any) -> Panel:
    chosen = signal.value.matching(instance="$instance")
    return stat(title, about, signal, f"max({chosen})", width=6, **more)


def _lines(title: str, about: str, signal: Recorded, legend: str = "{{instance}}", **more: Any
           ) -> TimeSeries:  # fmt: skip
    return drawn(title, about, signal, signal.value.matching(instance="$instance"), legend, **more)


def _now(levels: Thresholds, back: str) -> tuple[Panel, ...]:
    return (
        _number("Busiest processor", "The machine whose processors have the least to spare.",
                neutral.NODE_CPU, steps=rising(levels.node_cpu)),
        _number("Fullest memory", "The machine with the least memory left.",
                neutral.NODE_MEMORY, steps=rising(levels.node_memory)),
        _number("Longest wait for storage", "Share of time in which some task waited.",
                neutral.NODE_IO),
        stat("First disk full in", "Where the line through its last hour leads.",
             neutral_levels.DISK_FREE, _full_in(back), unit="seconds", width=6,
             steps=_soon(levels), empty="none fills up"),
    )  # fmt: skip


def _full_in(back: str) -> str:
    free = neutral_levels.DISK_FREE.value.matching(instance="$instance")
    return f"min({free} / (-deriv({free}[{back}]) > 0))"


def _soon(levels: Thresholds) -> tuple[Step, ...]:
    return (Step("orange"), Step("green", levels.disk_full_hours * HOUR_SECONDS))


def _use(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _lines("Processors in use", "Of all of a machine's.", neutral.NODE_CPU, maximum=1,
               steps=rising(levels.node_cpu)),
        _lines("Memory in use", "Without what the kernel gives back when asked.",
               neutral.NODE_MEMORY, maximum=1, steps=rising(levels.node_memory)),
        _lines("Resources in use", "Processor, memory and GPUs against one level.",
               neutral_levels.RESOURCE_USE, "{{instance}} {{resource}}", maximum=1,
               steps=rising(levels.resource_use)),
    )  # fmt: skip


def _storage(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _lines("Waits for storage", "Share of time in which some task waited for a disk.",
               neutral.NODE_IO, maximum=1, empty="no machine tells"),
        _lines("Waits beside the usual", "Over the mean of the hour before; 1 is as usual.",
               neutral_levels.IO_WAITING_GROWTH, unit="1",
               steps=rising(levels.io_waiting_growth), empty="nothing waited before"),
        _lines("Space left", "On file systems that fill up.", neutral_levels.DISK_FREE,
               "{{instance}} {{mountpoint}}", empty="no machine tells"),
    )  # fmt: skip
