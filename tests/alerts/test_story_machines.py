from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires
from tests.alerts.levels import (
    BOARD,
    CHAT,
    GATEWAY,
    GPU,
    GPU0,
    GPU_WHERE,
    NODE,
    ON_GPU,
    R1,
    REPLICA,
    STARTED,
    UP,
    requests,
    says,
)

# Every row: what goes in (wrong from minute 10 to minute 40), and what is said of it. The value
# before is still within the level, so that a level moved past it would be noticed.
ROWS: dict[str, tuple[dict[str, str], Fires]] = {
    "GpuAboveHealthy": (
        UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.8x20 0.85x60 0.8x120"},
        says(
            "GPU 0 at n1:1 is busy 85% of the time; up to 80% is healthy.",
            f"gpu:utilization:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "GpuMemoryFull": (
        UP
        | {
            f'gpu_memory_used_bytes{{{GPU},gpu="0"}}': "95x20 98x60 95x120",
            f'gpu_memory_total_bytes{{{GPU},gpu="0"}}': "100x200",
        },
        says(
            "GPU 0 at n1:1 uses 98% of its memory; 95% is the limit.",
            f"gpu:memory_used:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "DeviceMemoryFragmented": (
        {
            f'torch_memory_inactive_split_bytes{{{REPLICA},gpu="0"}}': "35x20 40x60 35x120",
            f'torch_memory_reserved_bytes{{{REPLICA},gpu="0"}}': "100x200",
        },
        says(
            "40% of what the allocator of r1 of chat took lies in pieces too small; 35% is the "
            "limit.",
            'llm:device_memory_fragmentation:ratio{service="chat",replica="r1"}',
            **R1,
        ),
    ),
    "GpuPowerHigh": (
        UP | {f'gpu_power_watts{{{GPU},gpu="0"}}': "450x20 500x60 450x120"},
        says(
            "GPU 0 at n1:1 draws 500 W; 450 W is the limit.",
            f"gpu:power_watts{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "ResourceUseHigh": (
        UP
        | {
            f"node_memory_MemAvailable_bytes{{{NODE}}}": "20x20 10x60 20x120",
            f"node_memory_MemTotal_bytes{{{NODE}}}": "100x200",
        },
        says(
            "n1:1 uses 90% of its memory; 80% is the limit.",
            'node:resource_use:ratio{instance="n1:1",resource="memory"}',
            f"{BOARD}-machines?var-instance=n1:1",
            instance="n1:1",
            resource="memory",
        ),
    ),
    "NotificationsDropped": (
        {'prometheus_notifications_dropped_total{job="prometheus",instance="p"}': "3x20 6x200"},
        says(
            "p: 3 alerts dropped lately.",
            'prometheus_notifications_dropped_total{instance="p"}',
            f"{BOARD}-stack",
            job="prometheus",
            instance="p",
        ),
    ),
    "MeasuringErrors": (
        {f"busysignal_metrics_errors_total{{{GATEWAY}}}": "3x20 6x200"},
        says(
            "g: 3 errors were kept from requests lately.",
            'busysignal_metrics_errors_total{instance="g"}',
            f"{BOARD}-stack",
            job="gateway",
            instance="g",
            service="chat",
        ),
    ),
    "EngineSignalMissing": (
        {
            f"tgi_batch_current_size{{{REPLICA}}}": "1x200",
            f"tgi_queue_size{{{REPLICA}}}": "0x20 stale _x59 0x120",
        },
        says(
            "r1 of chat runs tgi and does not show llm:queue_depth.",
            'busysignal:engine_signal_missing{service="chat",replica="r1"}',
            f"{BOARD}-stack",
            engine="tgi",
            signal="llm:queue_depth",
            **R1,
        ),
    ),
    "SinglePointDown": (
        {
            'up{job="etcd",instance="e:1"}': "1x20 0x60 1x120",
            'scrape_samples_scraped{job="etcd",instance="e:1"}': "9x20 0x60 9x120",
        },
        says(
            "No data from etcd at e:1.",
            'busysignal:target_up{job=~"etcd|config|prometheus",instance="e:1"}',
            f"{BOARD}-stack",
            job="etcd",
            instance="e:1",
        ),
    ),
}
WHEN = {"NotificationsDropped": ("9m", "13m", "30m"), "MeasuringErrors": ("9m", "13m", "30m")}


@pytest.mark.parametrize("name", ROWS)
def test_a_level_of_a_machine_is_silent_before_speaks_during_and_ends_after(story, name):
    series, fires = ROWS[name]
    before, during, after = WHEN.get(name, ("9m", "39m", "61m"))

    story.alerts(
        series, (before, name, []), (during, name, [fires]), (after, name, []), interval="30s"
    )


# What needs an hour of the usual first: wrong from minute 100 to minute 130.
LATE: dict[str, tuple[dict[str, str], Fires]] = {
    "ArrivalsJump": (
        {
            STARTED: "0+30x100 3000+150x30 7500+30x60",
            requests(): "0+30x200",
        },
        says(
            "chat gets 5 times its usual arrivals; 4 times is the limit.",
            'llm:requests_started:growth{service="chat"}',
            **CHAT,
        ),
    ),
    "StorageWaitsGrow": (
        UP | {f"node_pressure_io_waiting_seconds_total{{{NODE}}}": "0+3x100 300+30x30 1200+3x60"},
        says(
            "n1:1 waits for storage 10 times as long as usual; 3.2 times is the limit.",
            'node:io_waiting:growth{instance="n1:1"}',
            f"{BOARD}-machines?var-instance=n1:1",
            service="chat",
            instance="n1:1",
        ),
    ),
    "GpuUnderused": (
        UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.6x60 0.25x80 0.6x60"},
        says(
            "GPU 0 at n1:1 is busy 25% of the time; from 60% on it is healthy.",
            f"gpu:utilization:ratio{GPU_WHERE}",
            ON_GPU,
            **GPU0,
        ),
    ),
    "DiskFullSoon": (
        UP
        | {
            f'node_filesystem_avail_bytes{{{NODE},device="d",fstype="ext4",mountpoint="/"}}': (
                "120000x60 120000-1000x80 120000x90"
            )
        },
        says(
            "/ at n1:1 will be full within 4 hours.",
            'node:disk_free_bytes{instance="n1:1",mountpoint="/"}',
            f"{BOARD}-machines?var-instance=n1:1",
            service="chat",
            instance="n1:1",
            mountpoint="/",
        ),
    ),
}
LATE_WHEN = {"ArrivalsJump": ("99m", "109m", "150m"), "StorageWaitsGrow": ("99m", "109m", "150m"),
             "GpuUnderused": ("60m", "120m", "170m"),
             "DiskFullSoon": ("60m", "139m", "210m")}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_what_grows_is_held_against_what_was_usual(slow_story, name):
    series, fires = LATE[name]
    before, during, after = LATE_WHEN[name]

    slow_story.alerts(
        series, (before, name, []), (during, name, [fires]), (after, name, []), interval="1m"
    )


def test_a_service_that_has_just_begun_has_no_usual_to_jump_from(slow_story):
    series = {STARTED: "_x30 0+1x4 4+30x60", requests(): "_x30 0+1x4 4+30x60"}
    times = [f"{minute}m" for minute in range(40, 70)]

    slow_story.alerts(series, *((at, "ArrivalsJump", []) for at in times), interval="1m")
