"""The GPU dashboard's errors and repairs, and how far its readings can be trusted."""

from __future__ import annotations

from alerts.config import Thresholds
from dashboards.boards.gpu_parts import DEVICE, bars, lines, states
from dashboards.panels import Panel, Value, rising
from exporters.catalog import neutral, neutral_gpu, neutral_hardware


def faults() -> tuple[Panel, ...]:
    """What is broken, and what must be done about it."""
    return (
        states("Answering, over time", "Whether the device answers its driver.", neutral.GPU_UP,
               values=(Value(0, "gone", "red"), Value(1, "up", "green"))),
        states("Waiting for a reset", "What only a reset or a reboot will mend.",
               neutral_gpu.GPU_RESET_NEEDED, f"{DEVICE} {{{{reason}}}}", empty="no device tells"),
        states("To be replaced", "Boards whose spare memory is used up.",
               neutral_gpu.GPU_REPLACEMENT_NEEDED, f"{DEVICE} {{{{reason}}}}",
               empty="no device tells"),
        lines("Banks short of spare rows", "Where the next bad row may not be replaced.",
              neutral_hardware.ROW_BANKS_SHORT, width=12, empty="no device tells"),
        bars("XID errors", "The driver's error codes; none is the good state.",
             neutral.GPU_XID_RATE, f"{DEVICE} XID {{{{xid}}}}", empty="no XID errors", width=6),
        bars("Other events", "Memory, poison and recovery events as the driver told of them.",
             neutral_hardware.GPU_EVENTS, f"{DEVICE} {{{{event}}}}", empty="no device tells",
             width=6),
        bars("Uncorrected ECC errors", "Memory that could not be mended.",
             neutral_gpu.GPU_ECC_UNCORRECTED, empty="no device counts ECC errors",
             width=6),
        lines("Corrected ECC errors", "Mended at once; a rise comes before worse.",
              neutral_hardware.GPU_ECC_CORRECTED, empty="no device counts ECC errors",
             width=6),
    )  # fmt: skip


def readings(levels: Thresholds) -> tuple[Panel, ...]:
    """What the exporter could not read, how old its readings are, and what they take."""
    return (
        states("Readings lost", "Families that fail or are refused: their series are missing.",
               neutral_hardware.READINGS_LOST, f"{DEVICE} {{{{family}}}} {{{{status}}}}",
               empty="all is read"),
        states("Simulated", "Devices whose driver is a simulation.",
               neutral_hardware.GPU_SIMULATED, values=(Value(1, "simulated", "orange"),),
               empty="none"),
        lines("Age of the readings", "It grows while a call into the driver hangs.",
              neutral_hardware.READINGS_AGE,
              steps=rising(critical=levels.gpu_readings_stale_seconds)),
        lines("Time of one call", "99th percentile of a call into the driver.",
              neutral_hardware.NVML_CALL_P99, empty="no calls"),
        lines("Time of a whole pass", "99th percentile of reading all devices once.",
              neutral_hardware.NVML_PASS_P99, "{{instance}}",
              steps=rising(critical=levels.gpu_readings_slow_seconds), empty="no passes"),
        bars("Failed calls", "Calls into the driver that failed without good reason.",
             neutral_hardware.NVML_ERRORS, "{{instance}} {{call}} {{error}}", width=24,
             empty="none failed"),
    )  # fmt: skip
