"""What a person at a shell sees."""

from __future__ import annotations

import io

from rich.console import Console

from inference_probe.report import DeviceReport, KernelReport
from inference_probe.server import DeviceLook
from inference_probe.table import show
from tests.golden import Golden


def kernel(name: str, p50: float, slowdown: float | None, **more: object) -> KernelReport:
    known: dict[str, object] = {
        "kernel": name, "bound": "compute", "p50": p50, "p99": 1.1 * p50, "slowdown": slowdown,
        "flops_per_second": 7.75e14, "bytes_per_second": 8.2e11, "idle": 30,
    }  # fmt: skip
    return KernelReport(**{**known, **more})


H100 = DeviceLook(
    device="cuda:0",
    kind="cuda",
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-1",
    sharing="mps 25 % of threads",
    torch="2.10.0",
    shapes="7b",
    probe=DeviceReport(
        kernels=[
            kernel("gemm_prefill", 3.1e-4, 1.01, peak_fraction=0.78),
            kernel("attention_decode", 4.2e-5, 1.21, contended=12),
            kernel("device_copy", 2.2e-5, 2.4, flops_per_second=None, wrong=2),
            kernel("launch_latency", 2.3e-6, None, flops_per_second=None, bytes_per_second=None),
        ],
        busy_seconds=0.2,
        throttled={"sw_power_cap": 4},
        absent={"gemm_prefill_fp8": "unsupported"},
    ),
)


def printed(look: DeviceLook, *, colour: bool = False) -> str:
    output = io.StringIO()
    console = Console(
        file=output, width=80, force_terminal=colour, color_system="standard" if colour else None
    )
    show([look], console)
    return output.getvalue()


def test_the_table_fits_a_terminal_of_eighty_columns(golden: Golden) -> None:
    told = printed(H100)

    golden.check("table.txt", told)
    assert max(len(line) for line in told.splitlines()) <= 80


def test_slower_is_yellow_and_much_slower_red() -> None:
    told = printed(H100, colour=True)

    assert "\x1b[32m1.01×" in told
    assert "\x1b[33m1.21×" in told
    assert "\x1b[31m2.40×" in told
    assert "\x1b[1;31mdevice_copy gave 2 wrong results: the device corrupts data." in told


def test_a_cpu_says_that_it_is_one() -> None:
    cpu = DeviceLook("cpu", "cpu", "Some CPU", "", "whole", "2.10.0", "tiny", H100.probe)

    assert "This is a CPU: no datasheet, and its figures say nothing of a GPU." in printed(cpu)
