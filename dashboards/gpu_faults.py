"""The GPU dashboard's errors and repairs, and what the chip really does while it is called busy."""

from __future__ import annotations

from dashboards.panels import Panel, Query, StateTimeline, TimeSeries, Value
from exporters.catalog import Recorded, Selector, neutral_gpu

DEVICE = "{{instance}} gpu {{gpu}}"
STATES = (Value(0, "no", "green"), Value(1, "yes", "red"))
NO_GPM = "no device here tells (GPM: Hopper and later)"


def faults() -> tuple[Panel, ...]:
    """What is broken, and what must be done about it."""
    return (
        _bars("Uncorrected ECC errors", "Memory that could not be mended.",
              neutral_gpu.GPU_ECC_UNCORRECTED, "no device counts ECC errors"),
        _states("Waiting for a reset", "What only a reset or a reboot will mend.",
                neutral_gpu.GPU_RESET_NEEDED),
        _states("To be replaced", "Boards whose spare memory is used up.",
                neutral_gpu.GPU_REPLACEMENT_NEEDED),
        _bars("NVLink errors", "Packets between GPUs that had to be sent again.",
              neutral_gpu.NVLINK_ERROR_RATE, "no NVLinks here"),
        _bars("PCIe replays", "Packets between host and GPU that had to be sent again.",
              neutral_gpu.PCIE_REPLAY_RATE, "no device counts replays"),
        TimeSeries(
            title="Wrong results",
            about="Probe kernels whose result was not the known one: silent corruption.",
            signals=(neutral_gpu.KERNEL_WRONG,),
            queries=(Query(neutral_gpu.KERNEL_WRONG.value, "{{device}} {{kernel}}"),),
            style="bars",
            empty="no probe looks",
        ),
    )  # fmt: skip


def activity() -> tuple[Panel, ...]:
    """Utilisation says that a kernel runs; these say how much of the chip it uses."""
    return (
        _ratio("SMs active", "Share of SMs that had work.", neutral_gpu.SM_ACTIVE, DEVICE),
        _ratio("Pipes active", "Tensor cores idle while the GPU is busy: batches are too small.",
               neutral_gpu.PIPE_ACTIVE, f"{DEVICE} {{{{pipe}}}}"),
        _ratio("Memory bandwidth", "Decoding is mostly bound by it.",
               neutral_gpu.DRAM_ACTIVE, DEVICE),
    )  # fmt: skip


def _chosen(selector: Selector) -> Selector:
    return selector.matching(instance="$instance", gpu="$gpu")


def _bars(title: str, about: str, signal: Recorded, empty: str) -> TimeSeries:
    return TimeSeries(
        title=title,
        about=about,
        signals=(signal,),
        queries=(Query(_chosen(signal.value), DEVICE),),
        style="bars",
        empty=empty,
    )


def _states(title: str, about: str, signal: Recorded) -> StateTimeline:
    return StateTimeline(
        title=title,
        about=about,
        signals=(signal,),
        queries=(Query(_chosen(signal.value), f"{DEVICE} {{{{reason}}}}"),),
        values=STATES,
        empty="no device tells",
    )


def _ratio(title: str, about: str, signal: Recorded, legend: str) -> TimeSeries:
    return TimeSeries(
        title=title,
        about=about,
        signals=(signal,),
        queries=(Query(_chosen(signal.value), legend),),
        maximum=1,
        empty=NO_GPM,
    )
