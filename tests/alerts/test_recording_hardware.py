from __future__ import annotations

GPU = 'job="gpu",instance="n1:1",service="chat"'
GPU_TARGET = {f"up{{{GPU}}}": "1x400", f"scrape_samples_scraped{{{GPU}}}": "9x400"}


def test_time_share_comes_from_the_drivers_clock_and_else_from_what_scrapes_met(story):
    def throttled(gpu, reason):
        return f'gpu:throttled:ratio{{instance="n1:1",gpu="{gpu}",reason="{reason}"}}'

    story.values(
        {
            f'gpu_throttle_seconds_total{{{GPU},gpu="0",reason="sw_power_cap"}}': "0+6x40",
            f'gpu_throttle_active{{{GPU},gpu="0",reason="sw_power_cap"}}': "1x40",
            f'gpu_throttle_active{{{GPU},gpu="1",reason="sw_power_cap"}}': "0 1x40",
        },
        (
            "10m",
            "gpu:throttled:ratio",
            {throttled("0", "sw_power_cap"): 0.4, throttled("1", "sw_power_cap"): 1},
        ),
    )


def test_a_margin_that_the_driver_tells_needs_no_limit(story):
    margin = 'gpu:temperature_margin_celsius{instance="n1:1",gpu="0",part="core"}'

    story.values(
        {f'gpu_temperature_margin_celsius{{{GPU},gpu="0"}}': "21x20"},
        ("3m", "gpu:temperature_margin_celsius", {margin: 21}),
    )


def test_energy_is_told_for_the_tokens_of_the_gpus_service(story):
    replica = 'job="replica",instance="r:1",service="chat",replica="r1"'

    story.values(
        GPU_TARGET
        | {
            f'gpu_power_watts{{{GPU},gpu="0"}}': "300x40",
            f'gpu_power_watts{{{GPU},gpu="1"}}': "100x40",
            f'llm_generated_tokens_total{{{replica},model="m"}}': "0+3000x40",
        },
        (
            "8m",
            "gpu:energy_per_1000_tokens_joules",
            {'gpu:energy_per_1000_tokens_joules{service="chat"}': 2000},
        ),
    )


def test_traffic_is_counted_where_the_driver_counts_and_measured_elsewhere(story):
    story.values(
        {
            f'gpu_pcie_bytes_total{{{GPU},gpu="0",direction="tx"}}': "0+1500x40",
            f'gpu_pcie_bandwidth_bytes_per_second{{{GPU},gpu="0",direction="tx"}}': "7x40",
            f'gpu_pcie_bandwidth_bytes_per_second{{{GPU},gpu="1",direction="tx"}}': "7x40",
        },
        (
            "8m",
            "gpu:pcie_bytes:rate",
            {
                'gpu:pcie_bytes:rate{instance="n1:1",gpu="0",direction="tx"}': 100,
                'gpu:pcie_bytes:rate{instance="n1:1",gpu="1",direction="tx"}': 7,
            },
        ),
    )


def test_a_gpu_without_any_of_it_has_none_of_the_series(story):
    nothing: dict[str, float] = {}

    story.values(
        {f'gpu_up{{{GPU},gpu="0"}}': "1x40"},
        *(
            ("8m", name, nothing)
            for name in (
                "gpu:throttled:ratio", "gpu:temperature_margin_celsius", "gpu:nvlink_links_down",
                "gpu:fabric_problem", "gpu:pcie_link_width:ratio", "gpu:simulated",
                "gpu:readings_lost", "gpu:row_banks_short", "gpu:nvml_pass_seconds:p99",
                "busysignal:signal_missing",
            )
        ),
    )  # fmt: skip
