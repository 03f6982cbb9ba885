"""One look at a device as a table for a person at a shell."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from inference_probe.probe import KernelReport
from inference_probe.server import OnceReport

COLUMNS = ("kernel", "p50", "p99", "GFLOP/s", "GB/s", "of baseline", "samples")


def show(report: OnceReport, console: Console | None = None) -> None:
    """Print the kernels of `report`, one line each."""
    title = f"{report.device}: {report.name}, torch {report.torch}, shapes {report.shapes}"
    table = Table(title=title, title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "kernel" else "right")
    for kernel in report.kernels:
        table.add_row(*_row(kernel))
    (console or Console()).print(table)


def _row(kernel: KernelReport) -> tuple[str, ...]:
    flops = kernel.flops_per_second
    slow = kernel.slowdown
    return (
        kernel.kernel,
        f"{1e6 * kernel.p50:,.0f} µs",
        f"{1e6 * kernel.p99:,.0f} µs",
        "–" if flops is None else f"{flops / 1e9:,.1f}",
        f"{kernel.bytes_per_second / 1e9:,.1f}",
        "–" if slow is None else f"{slow:.2f}×",
        f"{kernel.idle} idle, {kernel.contended} contended",
    )
