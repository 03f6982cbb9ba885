"""BusySignal's rules as the demo loads them: sixty times as fast, and for a service this small."""

from __future__ import annotations

from alerts.config import Receivers, RulesSection, Thresholds
from demo.pager import ALERTS, DEAD_MAN

TIME_SCALE = 60
LEVELS = Thresholds(
    queue_warning=10, queue_critical=20, node_cpu=1.0, resource_use=1.0, gpu_busy=1.0,
    gpu_simulated_accepted=True, probe_duty=0.1, interactive_p99_seconds=0.5,
    io_waiting_growth=100,
)  # fmt: skip
"""The demo queues dozens of requests, not hundreds; its CPU plays the GPUs and may be full, as they
may; its probe looks sixty times as often; a whole answer takes 200 ms in health; and its disk
serves the servers that watch it."""


def section(*, pager_url: str, watch_url: str) -> RulesSection:
    """The rules' part of the config, with the local pager and `watch` as receivers."""
    return RulesSection(
        time_scale=TIME_SCALE,
        scrape_interval_seconds=1,
        thresholds=LEVELS,
        receivers=Receivers(
            pager_url=pager_url + ALERTS,
            watch_url=watch_url + "/alerts",
            deadman_url=pager_url + DEAD_MAN,
        ),
    )
