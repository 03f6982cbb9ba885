"""The GPU dashboard's users: containers, processes, and the instances a device is cut into."""

from __future__ import annotations

from dashboards.boards.gpu_parts import DEVICE, NO_GPM, chosen, lines
from dashboards.panels import Panel, Query, TimeSeries
from exporters.catalog import gpu_mig, gpu_processes

CONTAINER = f"{DEVICE} {{{{container}}}}"
NO_MIG = "no device here is cut into instances"


def users() -> tuple[Panel, ...]:
    """Memory and SM time, by container."""
    return (
        lines("Memory by container", "Who holds the device's memory.",
              gpu_processes.CONTAINER_MEMORY, CONTAINER, empty="no container uses a GPU"),
        lines("SMs by container", "Who uses the SMs' time, told apart by process.",
              gpu_processes.CONTAINER_SM, CONTAINER, empty="no container uses a GPU"),
        lines("Processes", "Processes with a context on the device.",
              gpu_processes.GPU_PROCESSES, f"{DEVICE} {{{{kind}}}}", empty="no device tells"),
    )  # fmt: skip


def instances() -> tuple[Panel, ...]:
    """Memory and SMs, by MIG instance."""
    place = f"{DEVICE} instance {{{{gpu_instance}}}}"
    used, total = gpu_mig.MIG_MEMORY_USED, gpu_mig.MIG_MEMORY_TOTAL
    return (
        TimeSeries(
            title="Memory by MIG instance",
            about="Each instance fills up for itself.",
            signals=(used, total),
            queries=(
                Query(chosen(used.value), place),
                Query(chosen(total.value), f"{place} total"),
            ),
            empty=NO_MIG,
        ),
        lines("SMs by MIG instance", "Share of the instance's own SMs that had work.",
              gpu_mig.MIG_SM_ACTIVE, place, empty=f"{NO_MIG}, or {NO_GPM}"),
        lines("Bandwidth by MIG instance", "Of what the instance has.",
              gpu_mig.MIG_DRAM_ACTIVE, place, empty=f"{NO_MIG}, or {NO_GPM}"),
    )  # fmt: skip
