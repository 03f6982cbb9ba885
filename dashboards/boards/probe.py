"""The kernel probe: the same work, timed again and again on the device itself."""

from __future__ import annotations

from alerts.config import RulesSection, Thresholds
from dashboards.panels import (
    Dashboard,
    Panel,
    Query,
    Row,
    StateTimeline,
    TimeSeries,
    Value,
    rising,
)
from dashboards.scope import Chosen, choose, whole
from exporters.catalog import (
    Selector,
    boards,
    neutral,
    neutral_gpu,
    neutral_hardware,
    probe,
)

KERNEL = "{{kernel}} {{device}} {{instance}}"
DEVICE = "{{device}} {{instance}}"


def board(rules: RulesSection) -> Dashboard:
    """Build the probe's dashboard, coloured by the alerts' own levels."""
    levels = rules.thresholds
    devices = neutral_hardware.PROBE_SAMPLES.value
    here = devices.matching(instance="$instance")
    return whole(
        boards.PROBE,
        "Does every device still do known work as fast, and as rightly, as it used to?",
        (choose("instance", "Probe", devices), choose("device", "Device", here)),
        Row("Now", _now(levels)),
        Row("Against its own past", _past(levels)),
        Row("Against what the device can do", _peak()),
        Row("The probe itself", _itself(levels)),
    )


def chosen(selector: Selector) -> Selector:
    """Narrow to the chosen probes and devices."""
    return selector.matching(instance="$instance", device="$device")


PANELS = Chosen(chosen, KERNEL, width=4)
_stat, _lines = PANELS.stat, PANELS.lines


def _now(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _stat("Slowest kernel", "Its time over its baseline: 100 % is as fast as ever.",
              neutral.KERNEL_SLOWDOWN, "max", steps=rising(critical=levels.kernel_slowdown)),
        _stat("Found slower", "Kernels that the change detector holds for slower.",
              neutral_gpu.KERNEL_SLOWER, "sum", unit="1", steps=rising(warning=1)),
        _stat("Wrong results now", "Results that were not the known ones, of late.",
              neutral_gpu.KERNEL_WRONG, "sum", steps=rising(critical=0.001)),
        _stat("Nearest to its peak", "The kernel that gets most out of the device.",
              neutral_hardware.KERNEL_PEAK, "max", empty="no datasheet figure"),
        _stat("Time taken", "Share of the device's time that the probe takes.",
              neutral_hardware.PROBE_DUTY, "max", decimals=3,
              steps=rising(critical=levels.probe_duty)),
        _stat("Left out", "Rounds that were not run, of late.",
              neutral_hardware.PROBE_SKIPPED, "sum", empty="none"),
    )  # fmt: skip


def _past(levels: Thresholds) -> tuple[Panel, ...]:
    times = (probe.PROBE_P50, probe.PROBE_P99)
    return (
        _lines("Kernel slowdown", "Median time over the device's own baseline, while it is idle.",
               neutral.KERNEL_SLOWDOWN, steps=rising(critical=levels.kernel_slowdown), width=12),
        _lines("Beside other work", "The same while others use the device: what sharing costs.",
               probe.PROBE_CONTENTION, width=12, empty="nothing else ran"),
        StateTimeline(
            title="Detector",
            about="Since when its change detector holds a kernel for slower: five percent will do.",
            signals=(neutral_gpu.KERNEL_SLOWER,),
            queries=(Query(chosen(neutral_gpu.KERNEL_SLOWER.value), KERNEL),),
            values=(Value(0, "as ever", "green"), Value(1, "slower", "orange")),
        ),
        _lines("Wrong results", "Results that were not the known ones: silent corruption.",
               neutral_gpu.KERNEL_WRONG, width=12, style="bars"),
        TimeSeries(
            title="Kernel time",
            about="One launch: median and 99th percentile.",
            signals=times,
            queries=(
                Query(chosen(probe.PROBE_P50.value), f"p50 {KERNEL}"),
                Query(chosen(probe.PROBE_P99.value), f"p99 {KERNEL}"),
            ),
            width=24,
        ),
    )  # fmt: skip


def _peak() -> tuple[Panel, ...]:
    return (
        _lines("Share of the peak", "Of what limits the kernel, by the device's datasheet.",
               neutral_hardware.KERNEL_PEAK, maximum=1, empty="no datasheet figure"),
        _lines("Achieved arithmetic", "Kernels that compute.", probe.PROBE_FLOPS),
        _lines("Achieved bandwidth", "Kernels that move memory.", probe.PROBE_BYTES),
    )  # fmt: skip


def _itself(levels: Thresholds) -> tuple[Panel, ...]:
    return (
        _lines("Duty", "Share of the device's time that the probe takes.",
               neutral_hardware.PROBE_DUTY, DEVICE, steps=rising(critical=levels.probe_duty)),
        _lines("Samples", "Idle ones are judged; contended ones tell what sharing costs.",
               neutral_hardware.PROBE_SAMPLES, f"{{{{state}}}} {DEVICE}"),
        _lines("Rounds left out", "Because the service or the device was saturated.",
               neutral_hardware.PROBE_SKIPPED, f"{{{{reason}}}} {DEVICE}", empty="none"),
        _lines("SM clock after a sample", "What was left of the clock for the kernel.",
               probe.PROBE_CLOCK, DEVICE, maximum=1, empty="no device tells"),
        _lines("Memory of the probe", "Its tensors; the CUDA context comes on top.",
               probe.PROBE_MEMORY, DEVICE),
    )  # fmt: skip
