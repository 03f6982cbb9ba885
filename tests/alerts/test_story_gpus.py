from __future__ import annotations

import pytest

from tests.alerts.conftest import Fires
from tests.alerts.places import (
    GPU,
    GPU_BOARD,
    GPU_UP,
    GPU_WHERE,
    ON_GPU,
    PROBE,
    PROBE_BOARD,
    PROBE_UP,
    gpu_labels,
    tell,
)

ROWS = {
    "GpuBusy": (
        GPU_UP | {f'gpu_utilization_ratio{{{GPU},gpu="0"}}': "0.7x20 0.95x60 0.7x120"},
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 is busy 95% of the time; 90% is the limit.",
            "query": f"gpu:utilization:ratio{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpuThrottled": (
        GPU_UP
        | {
            f'gpu_throttle_active{{{GPU},gpu="0",reason="sw_power_cap"}}': "0x20 1x60 0x120",
            f'gpu_throttle_active{{{GPU},gpu="0",reason="gpu_idle"}}': "1x200",
        },
        gpu_labels(gpu="0", reason="sw_power_cap"),
        {
            "description": (
                "GPU 0 at n1:1 is held down by sw_power_cap 100% of the time; 50% is the limit."
            ),
            "query": f'gpu:throttled:ratio{{reason=~"sw_power_cap|hw_slowdown",{GPU_WHERE[1:]}',
            **ON_GPU,
        },
    ),
    "KernelSlow": (
        PROBE_UP
        | {
            f'kernel_probe_slowdown_ratio{{{PROBE},device="0",kernel="gemm_decode"}}': (
                "1x20 2.5x60 1x120"
            )
        },
        gpu_labels(device="0", kernel="gemm_decode"),
        {
            "description": (
                "gemm_decode on device 0 at n1:1 takes 2.5 times its baseline; 1.5 is the limit."
            ),
            "query": 'gpu:kernel_slowdown:ratio{instance="n1:1",device="0"}',
            "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
        },
    ),
    "GpuEccUncorrected": (
        GPU_UP
        | {
            f'gpu_ecc_errors_total{{{GPU},gpu="0",type="uncorrected",span="volatile"}}': (
                "0x20 0+1x60 60x120"
            ),
            f'gpu_ecc_errors_total{{{GPU},gpu="0",type="corrected",span="volatile"}}': "0+1x200",
        },
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 had 10 uncorrected ECC errors lately.",
            "query": f"gpu:ecc_uncorrected:increase{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpusMissing": (
        GPU_UP
        | {f"gpu_devices{{{GPU}}}": "8x20 7x60 8x120", f"gpu_devices_expected{{{GPU}}}": "8x200"},
        gpu_labels(),
        {
            "description": "The GPU exporter at n1:1 misses 1 of its GPUs.",
            "query": 'gpu:devices_missing{instance="n1:1"}',
            "dashboard_url": f"{GPU_BOARD}?var-instance=n1:1",
        },
    ),
    "GpuResetNeeded": (
        GPU_UP
        | {
            f'gpu_row_remap_pending{{{GPU},gpu="0"}}': "0x20 1x60 0x120",
            f'gpu_recovery_action{{{GPU},gpu="0",action="none"}}': "1x200",
            f'gpu_repair_pending{{{GPU},gpu="0",repair="channel"}}': "0x200",
        },
        gpu_labels(gpu="0", reason="row_remapping"),
        {
            "description": "GPU 0 at n1:1 waits for a reset: row_remapping.",
            "query": f"gpu:reset_needed{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "GpuReplacementNeeded": (
        GPU_UP | {f'gpu_row_remap_failure{{{GPU},gpu="0"}}': "0x20 1x60 0x120"},
        gpu_labels(gpu="0", reason="row_remapping"),
        {
            "description": "GPU 0 at n1:1 is to be replaced: row_remapping.",
            "query": f"gpu:replacement_needed{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "NvlinkErrors": (
        GPU_UP
        | {f'gpu_nvlink_errors_total{{{GPU},gpu="0",error="replay"}}': "0x20 0+60x60 3600x120"},
        gpu_labels(gpu="0"),
        {
            "description": "GPU 0 at n1:1 has 2 NVLink errors a second.",
            "query": f"gpu:nvlink_errors:rate{GPU_WHERE}",
            **ON_GPU,
        },
    ),
    "KernelResultsWrong": (
        PROBE_UP
        | {
            f'kernel_probe_wrong_results_total{{{PROBE},device="0",kernel="gemm_decode_1"}}': (
                "0x20 0+1x60 60x120"
            )
        },
        gpu_labels(device="0", kernel="gemm_decode_1"),
        {
            "description": (
                "gemm_decode_1 on device 0 at n1:1 gave a result that is not the known one."
            ),
            "query": 'gpu:kernel_wrong_results:increase{instance="n1:1",device="0"}',
            "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_warning_of_a_gpu_is_silent_before_speaks_during_and_ends_after(story, name):
    tell(story, name, ROWS[name])


def test_a_kernel_that_is_a_little_slower_becomes_a_ticket_after_an_hour(story):
    slow = f'kernel_probe_slow{{{PROBE},device="0",kernel="norm_activation"}}'
    told = {
        "description": "norm_activation on device 0 at n1:1 is slower than its baseline; "
        "its change detector is sure.",
        "query": 'gpu:kernel_slower{instance="n1:1",device="0"}',
        "dashboard_url": f"{PROBE_BOARD}?var-instance=n1:1&var-device=0",
    }

    story.alerts(
        PROBE_UP | {slow: "0x20 1x200 0x120"},
        ("60m", "KernelSlower", []),
        ("80m", "KernelSlower", [Fires(gpu_labels(device="0", kernel="norm_activation"), told)]),
        ("115m", "KernelSlower", []),
        interval="30s",
    )


def test_every_reason_for_a_reset_is_told_for_itself(story):
    waits = {
        f'gpu_retired_pages_pending{{{GPU},gpu="0"}}': "1x60",
        f'gpu_repair_pending{{{GPU},gpu="0",repair="tpc"}}': "1x60",
        f'gpu_recovery_action{{{GPU},gpu="0",action="gpu_reset"}}': "1x60",
    }
    reasons = ("page_retirement", "repair_of_tpc", "gpu_reset")
    fires = [
        Fires(
            gpu_labels(gpu="0", reason=reason),
            {
                "description": f"GPU 0 at n1:1 waits for a reset: {reason}.",
                "query": f"gpu:reset_needed{GPU_WHERE}",
                **ON_GPU,
            },
        )
        for reason in reasons
    ]

    story.alerts(GPU_UP | waits, ("20m", "GpuResetNeeded", fires), interval="30s")
