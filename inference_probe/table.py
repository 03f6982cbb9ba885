"""One look at each device as a table for a person at a shell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from inference_probe.report import KernelReport
from inference_probe.server import DeviceLook

COLUMNS: Final = (
    "kernel", "p50 µs", "p99 µs", "GFLOP/s", "GB/s", "peak", "baseline", "samples",
)  # fmt: skip
SLOWER: Final = 1.05
MUCH_SLOWER: Final = 1.5
NOTHING: Final = "–"


def show(looks: Sequence[DeviceLook], console: Console | None = None) -> None:
    """Print the kernels of each device, one line each."""
    console = console or Console()
    for look in looks:
        console.print(_table(look))
        for line in _faults(look):
            console.print(line, style="bold red", highlight=False)
        for line in _notes(look):
            console.print(line, style="dim", highlight=False)


def _table(look: DeviceLook) -> Table:
    title = f"{look.device}: {look.name}, torch {look.torch}, shapes {look.shapes}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == COLUMNS[0] else "right", no_wrap=True)
    for kernel in look.probe.kernels:
        table.add_row(*_row(kernel))
    return table


def _row(kernel: KernelReport) -> tuple[str, ...]:
    return (
        kernel.kernel,
        _microseconds(kernel.p50),
        _microseconds(kernel.p99),
        _giga(kernel.flops_per_second),
        _giga(kernel.bytes_per_second),
        NOTHING if kernel.peak_fraction is None else f"{kernel.peak_fraction:.0%}",
        _coloured(kernel.slowdown),
        f"{kernel.idle}+{kernel.contended}",
    )


def _notes(look: DeviceLook) -> list[str]:
    probe = look.probe
    notes = [
        "Samples: idle + contended. Peak: share of the datasheet's. Baseline: this device's own."
    ]
    if look.kind == "cpu":
        notes.append("This is a CPU: no datasheet, and its figures say nothing of a GPU.")
    if look.kind == "simulated":
        notes.append("This device is simulated: no datasheet.")
    if look.sharing != "whole":
        notes.append(f"The probe has a share of the device: {look.sharing}.")
    for reason in sorted(set(probe.absent.values())):
        names = ", ".join(name for name, why in probe.absent.items() if why == reason)
        notes.append(f"Not run here ({reason.replace('_', ' ')}): {names}.")
    if throttled := ", ".join(f"{name} {count}x" for name, count in probe.throttled.items()):
        notes.append(f"Clocks were held down by: {throttled}.")
    return notes


def _faults(look: DeviceLook) -> list[str]:
    return [
        f"{kernel.kernel} gave {kernel.wrong} wrong results: the device corrupts data."
        for kernel in look.probe.kernels
        if kernel.wrong
    ]


def _microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:,.0f}" if seconds >= 1e-4 else f"{1e6 * seconds:,.1f}"


def _giga(rate: float | None) -> str:
    return NOTHING if rate is None else f"{rate / 1e9:,.1f}"


def _coloured(slowdown: float | None) -> str:
    if slowdown is None:
        return NOTHING
    colour = "green" if slowdown < SLOWER else "yellow" if slowdown < MUCH_SLOWER else "red"
    return f"[{colour}]{slowdown:.2f}×[/]"
