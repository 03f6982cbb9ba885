"""The GPU dashboard's kernel probe: the same work, timed again and again on the device itself."""

from __future__ import annotations

from alerts.config import Thresholds
from dashboards.panels import Panel, Query, TimeSeries, rising
from exporters.catalog import Gauge, neutral, probe

KERNEL = "{{device}} {{kernel}}"


def kernels(levels: Thresholds) -> tuple[Panel, ...]:
    """Slower than it was, how slow, and how far from what the device can do."""
    return (
        TimeSeries(
            title="Kernel slowdown",
            about="Median time over the device's own baseline: 100 % is as fast as ever.",
            signals=(neutral.KERNEL_SLOWDOWN,),
            queries=(Query(neutral.KERNEL_SLOWDOWN.value, KERNEL),),
            steps=rising(critical=levels.kernel_slowdown),
            width=12,
        ),
        TimeSeries(
            title="Kernel time",
            about="One launch: median and 99th percentile.",
            signals=(probe.PROBE_P50, probe.PROBE_P99),
            queries=(
                Query(probe.PROBE_P50.value, f"{KERNEL} p50"),
                Query(probe.PROBE_P99.value, f"{KERNEL} p99"),
            ),
            width=12,
        ),
        _achieved("Achieved arithmetic", "Kernels that compute.", probe.PROBE_FLOPS),
        _achieved("Achieved bandwidth", "Kernels that move memory.", probe.PROBE_BYTES),
    )


def _achieved(title: str, about: str, signal: Gauge) -> TimeSeries:
    query = Query(signal.value, KERNEL)
    return TimeSeries(title=title, about=about, signals=(signal,), queries=(query,), width=12)
