"""The probe on this machine's CPU: real kernels, really timed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import httpx
import pytest
import torch

from exporters.catalog.probe import GPU_KERNELS, KERNELS
from exporters.errors import BusySignalError, UsageError
from exporters.settings import load
from inference_probe import ProbeSection
from inference_probe.config import KernelName
from inference_probe.device import cpu_device
from inference_probe.exporter import ProbeExporter
from inference_probe.opening import open_devices
from inference_probe.probe import Probe
from inference_probe.report import DeviceReport, KernelReport
from inference_probe.server import measure_once, prepare
from tests.golden import Golden
from tests.inference_probe.fakes import FakeDevice

SERVE = (
    "import sys; from pathlib import Path; from inference_probe import ProbeSection\n"
    "from inference_probe.server import serve\n"
    "section = ProbeSection(port=0, interval_seconds=0.2, duty_ratio=0.1, baseline_samples=5,"
    " baseline_file=Path(sys.argv[1]))\n"
    "serve(section, announce=lambda url: print(url, flush=True))"
)


REPORT = DeviceReport(
    kernels=[
        KernelReport(
            kernel="gemm_prefill", bound="compute", p50=3.1e-4, p99=3.4e-4,
            flops_per_second=7.75e14, bytes_per_second=8.2e11, peak_fraction=0.783,
            baseline=3.04e-4, slowdown=1.02, contention=1.8, is_slow=False, idle=40, contended=12,
        ),
        KernelReport(
            kernel="launch_latency", bound="latency", p50=2.4e-6, p99=2.5e-6, flops_per_second=None,
            bytes_per_second=None, idle=40, contended=2, wrong=1,
        ),
    ],
    busy_seconds=0.5,
    duty_ratio=0.0006,
    memory_bytes=260_000_000,
    clock_ratio=0.71,
    throttled={"sw_power_cap": 3},
    skipped={"saturated": 2},
    absent={"gemm_prefill_fp8": "unsupported"},
)  # fmt: skip


def section(tmp_path: Path) -> ProbeSection:
    return ProbeSection(device="cpu", baseline_file=tmp_path / "b.json", baseline_samples=10)


def test_real_kernels_give_the_right_results_at_believable_rates(tmp_path: Path) -> None:
    (look,) = measure_once(section(tmp_path), rounds=30)

    assert [kernel.kernel for kernel in look.probe.kernels] == list(KERNELS)
    assert set(look.probe.absent) == set(GPU_KERNELS)
    for kernel in look.probe.kernels:
        assert kernel.wrong == 0
        assert kernel.bytes_per_second is None or 1e8 < kernel.bytes_per_second < 1e12
        assert kernel.peak_fraction is None, "a CPU has no datasheet here"
        assert kernel.p50 <= kernel.p99
        assert kernel.idle + kernel.contended == 30
    assert json.loads(json.dumps(look.as_dict()))["kind"] == "cpu"


def test_a_kernel_made_slower_on_the_real_cpu_is_found(tmp_path: Path) -> None:
    probe = prepare(section(tmp_path), cpu_device())
    deadline = time.monotonic() + 60
    while any(kernel.slowdown is None for kernel in reports_after_round(probe)):
        assert time.monotonic() < deadline, "this machine is never idle"
    history = probe.histories[0]
    kernel = history.bench.kernel

    def thrice(turn: int) -> None:
        for _ in range(3):
            kernel.launch(turn)

    history.bench.kernel = replace(kernel, launch=thrice)
    before = history.counts["idle"]
    while history.counts["idle"] < before + 9:
        probe.round()
        assert time.monotonic() < deadline, "this machine is never idle"

    slowdown = probe.report().kernels[0].slowdown
    assert slowdown is not None
    assert slowdown > 2


def reports_after_round(probe: Probe) -> list[KernelReport]:
    probe.round()
    return probe.report().kernels


def test_the_process_serves_metrics_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVE, str(tmp_path / "baseline.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        deadline = time.monotonic() + 60
        while "kernel_probe_p50_seconds" not in (page := httpx.get(f"{url}/metrics").text):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    assert re.search(r'kernel_probe_info\{device="cpu",name=".+",torch="2\..+"\} 1\.0', page)
    assert 'kernel_probe_busy_seconds_total{device="cpu"}' in page


def test_the_page_is_exactly_this(
    golden: Golden, promtool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", "2.10.0")
    exporter = ProbeExporter([FakeDevice()])
    exporter.publish("cuda:0", REPORT)
    page = exporter.collect_text()

    golden.check("metrics.txt", page)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.stderr, checked.returncode) == ("", 0)


def test_a_device_that_failed_keeps_its_counts_and_ends_its_measurements() -> None:
    exporter = ProbeExporter([FakeDevice()])
    exporter.publish("cuda:0", REPORT)

    exporter.withdraw("cuda:0")

    page = exporter.collect_text()
    assert "kernel_probe_p50_seconds" not in page
    assert "kernel_probe_slowdown_ratio" not in page
    assert "kernel_probe_samples_total" in page


def test_a_gpu_asked_for_where_there_is_none_is_told_in_one_line() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")

    with pytest.raises(UsageError) as told:
        open_devices("cuda:0")

    assert str(told.value) == (
        "[probe] device = 'cuda:0', but torch sees no GPU here; "
        "install torch with CUDA and a driver, or set device to auto or cpu"
    )


def test_the_config_alone_imports_no_torch() -> None:
    code = "import inference_probe, sys; print('torch' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


@pytest.mark.parametrize(("key", "value"), [("duty_ratio", "0.5"), ("device", "tpu")])
def test_values_out_of_range_are_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{key} = '{value}' is not valid"):
        load(ProbeSection, None, {f"BUSYSIGNAL__{key.upper()}": value})


def test_the_baseline_lies_where_state_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"{os.sep}state")

    assert ProbeSection().baseline_file == Path("/state/busysignal/kernel-baseline.json")


def test_kernels_that_take_more_memory_than_allowed_are_refused(tmp_path: Path) -> None:
    small = section(tmp_path).model_copy(update={"memory_bytes": 1_000_000})

    with pytest.raises(BusySignalError) as told:
        prepare(small, cpu_device())

    assert str(told.value) == (
        "the kernels hold 5,242,880 bytes on cpu; [probe] memory_bytes allows 1,000,000; "
        "raise it, choose smaller shapes, or name fewer kernels"
    )


def test_a_gpu_keeps_its_right_results_and_a_later_start_is_held_to_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = FakeDevice(kind="cuda")
    wanted = section(tmp_path).model_copy(update={"kernels": ("device_copy",), "shapes": "tiny"})
    prepare(wanted, gpu)
    path = wanted.baseline_file
    kept = json.loads(path.read_text())
    (known,) = kept["devices"].values()
    known["golden"]["device_copy"][0] += 1
    path.write_text(json.dumps(kept))

    probe = prepare(wanted, gpu)
    for _ in range(8):
        probe.round()

    assert "cuda:0: device_copy does not give the results it gave before" in caplog.text
    assert sum(kernel.wrong for kernel in probe.report().kernels) >= 1


def test_a_cpu_keeps_no_results(tmp_path: Path) -> None:
    wanted = section(tmp_path).model_copy(update={"kernels": ("device_copy",)})

    prepare(wanted, cpu_device())

    assert not wanted.baseline_file.exists()


def test_the_kernels_of_the_config_are_those_of_the_catalogue() -> None:
    names = get_args(KernelName)

    assert set(KERNELS + GPU_KERNELS) < set(names)
    assert set(names) - set(KERNELS + GPU_KERNELS) == {"all_reduce_small", "all_reduce_large"}
