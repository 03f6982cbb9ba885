from __future__ import annotations

from alerts.rules.gpu import CONTAINED_XIDS, FATAL_EVENTS
from tests.alerts.conftest import Fires, together

GRAFANA = "http://127.0.0.1:3000/d"
HERE = {"service": "chat", "instance": "n1:1"}
GPU = 'job="gpu",instance="n1:1",service="chat"'
PROBE = 'job="probe",instance="n1:1",service="chat"'
GPU_TARGET = {f"up{{{GPU}}}": "1x400", f"scrape_samples_scraped{{{GPU}}}": "9x400"}
PROBE_TARGET = {f"up{{{PROBE}}}": "1x400", f"scrape_samples_scraped{{{PROBE}}}": "9x400"}


def gpu_fires(text, query, **labels):
    return Fires(
        {**HERE, "gpu": "0", **labels},
        {
            "description": f"GPU 0 at n1:1 {text}",
            "query": query,
            "dashboard_url": f"{GRAFANA}/busysignal-gpu?var-instance=n1:1&var-gpu=0",
        },
    )


def exporter_fires(text, query, **labels):
    return Fires(
        {**HERE, **labels},
        {
            "description": f"The GPU exporter at n1:1 {text}",
            "query": query,
            "dashboard_url": f"{GRAFANA}/busysignal-gpu?var-instance=n1:1",
        },
    )


def probe_fires(text, query, **labels):
    return Fires(
        {**HERE, "device": "0", **labels},
        {
            "description": f"The probe of device 0 at n1:1 {text}",
            "query": query,
            "dashboard_url": f"{GRAFANA}/busysignal-probe?var-instance=n1:1&var-device=0",
        },
    )


AT = 'instance="n1:1",gpu="0"'

# Every row: what goes in (wrong from minute 10 to minute 40), and what is said meanwhile.
ROWS = {
    "GpuXidContained": (
        {
            f'gpu_xid_errors_total{{{GPU},gpu="0",xid="94"}}': "0x20 0+1x60 60x120",
            f'gpu_xid_errors_total{{{GPU},gpu="0",xid="79"}}': "0x200",
        },
        gpu_fires(
            "reported XID 94.",
            f'gpu:xid_errors:increase{{xid=~"{CONTAINED_XIDS}",{AT}}}',
            xid="94",
        ),
    ),
    "GpuFatalEvent": (
        {
            f'gpu_events_total{{{GPU},gpu="0",event="fatal_poison"}}': "0x20 0+1x60 60x120",
            f'gpu_events_total{{{GPU},gpu="0",event="recovery_action"}}': "0+1x200",
        },
        gpu_fires(
            "met fatal_poison.",
            f'gpu:events:increase{{event=~"{FATAL_EVENTS}",{AT}}}',
            event="fatal_poison",
        ),
    ),
    "GpuThrottledByHeat": (
        {
            f'gpu_throttle_seconds_total{{{GPU},gpu="0",reason="hw_thermal_slowdown"}}': (
                "0x20 0+6x60 360x120"
            ),
            f'gpu_throttle_seconds_total{{{GPU},gpu="0",reason="gpu_idle"}}': "0+30x200",
        },
        gpu_fires(
            "is held down by hw_thermal_slowdown 20% of the time; 10% is the limit.",
            f'gpu:throttled:ratio{{reason=~"sw_thermal_slowdown|hw_thermal_slowdown",{AT}}}',
            reason="hw_thermal_slowdown",
        ),
    ),
    "GpuPowerBrake": (
        {
            f'gpu_throttle_active{{{GPU},gpu="0",reason="hw_power_brake_slowdown"}}': (
                "0x20 1x60 0x120"
            ),
        },
        gpu_fires(
            "is braked 100% of the time; 10% is the limit.",
            f'gpu:throttled:ratio{{reason=~"hw_power_brake_slowdown",{AT}}}',
            reason="hw_power_brake_slowdown",
        ),
    ),
    "GpuHot": (
        {
            f'gpu_temperature_celsius{{{GPU},gpu="0"}}': "60x20 84x60 60x120",
            f'gpu_temperature_limit_celsius{{{GPU},gpu="0",limit="slowdown"}}': "87x200",
            f'gpu_temperature_limit_celsius{{{GPU},gpu="0",limit="shutdown"}}': "92x200",
            f'gpu_memory_temperature_celsius{{{GPU},gpu="0"}}': "70x200",
            f'gpu_temperature_limit_celsius{{{GPU},gpu="0",limit="memory_max"}}': "95x200",
        },
        gpu_fires(
            "has 3 °C left at its core; 5 °C is the least.",
            f"gpu:temperature_margin_celsius{{{AT}}}",
            part="core",
        ),
    ),
    "NvlinkDown": (
        {
            f'gpu_nvlink_link_up{{{GPU},gpu="0",link="0"}}': "1x200",
            f'gpu_nvlink_link_up{{{GPU},gpu="0",link="1"}}': "1x20 0x60 1x120",
            f'gpu_nvlink_link_up{{{GPU},gpu="0",link="2"}}': "0x200",
        },
        gpu_fires("lost 1 NVLinks.", f"gpu:nvlink_links_down{{{AT}}}"),
    ),
    "FabricUnhealthy": (
        {
            f'gpu_fabric_health{{{GPU},gpu="0",health="limited_capacity"}}': "0x20 1x60 0x120",
            f'gpu_fabric_health{{{GPU},gpu="0",health="healthy"}}': "1x20 0x60 1x120",
            f'gpu_fabric_problem{{{GPU},gpu="0",problem="route_unhealthy"}}': "0x200",
            f'gpu_fabric_registration_failed{{{GPU},gpu="0"}}': "0x200",
        },
        gpu_fires(
            "has a fabric problem: limited_capacity.",
            f"gpu:fabric_problem{{{AT}}}",
            problem="limited_capacity",
        ),
    ),
    "PcieLinkNarrow": (
        {
            f'gpu_pcie_link_width{{{GPU},gpu="0"}}': "16x20 8x60 16x120",
            f'gpu_pcie_link_width_max{{{GPU},gpu="0"}}': "16x200",
        },
        gpu_fires("uses 50% of its PCIe lanes.", f"gpu:pcie_link_width:ratio{{{AT}}}"),
    ),
    "PcieReplays": (
        {f'gpu_pcie_replays_total{{{GPU},gpu="0"}}': "0x20 0+15x60 900x120"},
        gpu_fires(
            "resends 30 PCIe packets a minute; 8 is the limit.", f"gpu:pcie_replays:rate{{{AT}}}"
        ),
    ),
    "GpuSimulated": (
        {
            f'gpu_info{{{GPU},gpu="0",uuid="u",name="n",driver="d",simulated="true"}}': (
                "_x20 1x60 stale"
            ),
            f'gpu_info{{{GPU},gpu="1",uuid="v",name="n",driver="d",simulated="false"}}': "1x200",
        },
        gpu_fires("is answered for by a simulated driver.", f"gpu:simulated{{{AT}}}"),
    ),
    "GpuReadingsStale": (
        {f'gpu_nvml_pass_age_seconds{{{GPU},gpu="0"}}': "1x20 90x60 1x120"},
        gpu_fires(
            "was last read 1m 30s ago; 60 s is the limit.", f"gpu:readings_age_seconds{{{AT}}}"
        ),
    ),
    "GpuReadingsFailing": (
        {
            f'gpu_family_status{{{GPU},gpu="0",family="ecc",status="supported"}}': (
                "1x20 stale _x59 1x120"
            ),
            f'gpu_family_status{{{GPU},gpu="0",family="ecc",status="error"}}': "_x20 1x60 stale",
            f'gpu_family_status{{{GPU},gpu="0",family="fan",status="absent"}}': "1x200",
        },
        gpu_fires(
            "fails to tell its ecc.",
            f'gpu:readings_lost{{status="error",{AT}}}',
            family="ecc",
            status="error",
        ),
    ),
    "NvmlErrors": (
        {
            f'gpu_nvml_errors_total{{{GPU},call="nvmlDeviceGetPowerUsage",error="unknown"}}': (
                "0x20 0+30x60 1800x120"
            )
        },
        exporter_fires(
            "meets unknown in nvmlDeviceGetPowerUsage.",
            'gpu:nvml_errors:rate{instance="n1:1"}',
            call="nvmlDeviceGetPowerUsage",
            error="unknown",
        ),
    ),
    "GpuReadingsSlow": (
        {
            f'gpu_nvml_scrape_duration_seconds_bucket{{{GPU},le="1.0"}}': "0+9x20 180x60 180+9x120",
            f'gpu_nvml_scrape_duration_seconds_bucket{{{GPU},le="2.5"}}': "0+9x200",
            f'gpu_nvml_scrape_duration_seconds_bucket{{{GPU},le="+Inf"}}': "0+9x200",
        },
        exporter_fires(
            "needs 2.485s to read them all; 1 s is the limit.",
            'gpu:nvml_pass_seconds:p99{instance="n1:1"}',
        ),
    ),
}  # fmt: skip


def test_alerts_on_hardware_are_silent_before_speak_during_and_end_after(story):
    series, *checks = together(ROWS, silent=("9m", "61m"), firing="39m")

    story.alerts(GPU_TARGET | series, *checks, interval="30s")


LONG = {
    "GpuSpareRowsLow": (
        {
            f'gpu_row_remap_banks{{{GPU},gpu="0",availability="max"}}': "640x20 638x160 640x120",
            f'gpu_row_remap_banks{{{GPU},gpu="0",availability="low"}}': "0x20 1x160 0x120",
            f'gpu_row_remap_banks{{{GPU},gpu="0",availability="none"}}': "0x20 1x160 0x120",
        },
        gpu_fires(
            "has 2 memory banks with few spare rows or none.", f"gpu:row_banks_short{{{AT}}}"
        ),
    ),
    "GpuReadingsDenied": (
        {
            f'gpu_family_status{{{GPU},gpu="0",family="profiling",status="denied"}}': (
                "_x20 1x160 stale"
            ),
            f'gpu_family_status{{{GPU},gpu="0",family="sram_threshold",status="denied"}}': "1x300",
        },
        gpu_fires(
            "refuses to tell its profiling.",
            f'gpu:readings_lost{{status="denied",{AT}}}',
            family="profiling",
            status="denied",
        ),
    ),
    "ProbeOverDuty": (
        {f'kernel_probe_duty_ratio{{{PROBE},device="0"}}': "0.001x20 0.005x160 0.001x120"},
        probe_fires(
            "takes 0.5% of its time; 0.2% is the limit.",
            'gpu:probe_duty:ratio{instance="n1:1",device="0"}',
        ),
    ),
    "ProbeSkipsAll": (
        {
            f'kernel_probe_skipped_rounds_total{{{PROBE},device="0",reason="device"}}': (
                "0x20 0+3x160 480x120"
            ),
            f'kernel_probe_samples_total{{{PROBE},device="0",kernel="k",state="idle"}}': (
                "0+3x20 60x160 60+3x120"
            ),
        },
        probe_fires(
            "measures nothing (device).",
            'gpu:probe_skipped:rate{instance="n1:1",device="0"}',
            reason="device",
        ),
    ),
}


def test_tickets_on_hardware_are_written_when_it_lasts(story):
    series, *checks = together(LONG, silent=("9m", "25m", "110m"), firing="88m")

    story.alerts(GPU_TARGET | PROBE_TARGET | series, *checks, interval="30s")


def test_a_probe_that_skips_some_rounds_and_samples_in_others_is_no_matter(story):
    story.alerts(
        PROBE_TARGET
        | {
            f'kernel_probe_skipped_rounds_total{{{PROBE},device="0",reason="device"}}': "0+3x300",
            f'kernel_probe_samples_total{{{PROBE},device="0",kernel="k",state="contended"}}': (
                "0+3x300"
            ),
        },
        ("140m", "ProbeSkipsAll", []),
        interval="30s",
    )
