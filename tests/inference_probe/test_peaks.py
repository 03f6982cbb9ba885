"""Shares of datasheet peaks: of whole devices, of MIG slices, and of none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_probe.cost import Cost
from inference_probe.peaks import fraction, peak_of, peaks
from inference_probe.sharing import Sharing
from tests.inference_probe.fakes import FakeDevice

H100 = "NVIDIA H100 80GB HBM3"


def test_a_device_that_is_not_in_the_table_has_no_peak() -> None:
    assert peak_of("NVIDIA GeForce RTX 4090", 128) is None
    assert fraction(FakeDevice().kernel(), 1e-3, None) is None


def test_arithmetic_is_measured_against_the_peak_of_its_precision() -> None:
    kernel = FakeDevice().kernel(flops=989.5e9)

    assert fraction(kernel, 2e-3, peak_of(H100, 132)) == pytest.approx(0.5)
    assert fraction(replace(kernel, precision="fp8"), 1e-3, peak_of(H100, 132)) == (
        pytest.approx(0.5)
    )
    assert fraction(replace(kernel, precision="fp32"), 1e-3, peak_of(H100, 132)) is None


def test_memory_and_the_host_link_have_peaks_of_their_own_and_latency_has_none() -> None:
    kernel = replace(FakeDevice().kernel("device_copy"), cost=Cost(0, 3.35e9), bound="memory")
    peak = peak_of(H100, 132)

    assert fraction(kernel, 1e-3, peak) == pytest.approx(1.0)
    link = replace(kernel, bound="link", name="copy_host_to_device", cost=Cost(0, 64e6))
    assert fraction(link, 2e-3, peak) == pytest.approx(0.5)
    assert fraction(replace(link, name="all_reduce_large"), 2e-3, peak) is None
    assert fraction(replace(kernel, bound="latency"), 1e-3, peak) is None


@pytest.mark.parametrize(
    ("name", "processors", "flops", "memory"),
    [
        ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", 60, 989.5e12 * 60 / 132, 3350e9 / 2),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 16, 989.5e12 * 16 / 132, 3350e9 / 8),
        ("NVIDIA H200 MIG 1g.18gb", 16, 989.5e12 * 16 / 132, 4800e9 / 8),
        ("NVIDIA A100-SXM4-40GB MIG 2g.10gb", 28, 312e12 * 28 / 108, 1555e9 / 4),
        ("NVIDIA A30 MIG 1g.6gb", 14, 165e12 * 14 / 56, 933e9 / 4),
    ],
)
def test_a_slice_has_its_share_of_the_peaks(
    name: str, processors: int, flops: float, memory: float
) -> None:
    peak = peak_of(name, processors)

    assert peak is not None
    assert peak.flops["bf16"] == pytest.approx(flops)
    assert peak.memory == pytest.approx(memory)
    assert peak.link == peaks()[name.partition(" MIG")[0]].link


def test_a_figure_that_is_not_certain_is_left_out() -> None:
    kernel = replace(FakeDevice().kernel(), bound="memory")

    assert peaks()["NVIDIA B200"].memory is None
    assert fraction(kernel, 1e-3, peak_of("NVIDIA B200", 148)) is None


def test_every_figure_has_its_source_and_is_believable() -> None:
    for name, peak in peaks().items():
        assert "datasheet" in peak.source, name
        assert 50e12 < peak.flops["bf16"] == peak.flops["fp16"] < 1e16
        assert peak.flops.get("fp8", peak.flops["bf16"] * 2) == (
            pytest.approx(2 * peak.flops["bf16"], rel=0.02)
        )
        assert peak.memory is None or 1e11 < peak.memory < 1e13


@pytest.mark.parametrize(
    ("name", "environ", "told"),
    [
        (H100, {}, "whole"),
        (f"{H100} MIG 1g.10gb", {}, "mig 1g.10gb"),
        (f"{H100} MIG 1g.10gb+me", {}, "mig 1g.10gb+me"),
        (H100, {"CUDA_MPS_PIPE_DIRECTORY": "/run/mps"}, "mps"),
        (H100, {"CUDA_MPS_PIPE_DIRECTORY": "/run/mps", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "25"},
         "mps 25 % of threads"),
    ],
)  # fmt: skip
def test_the_share_of_the_device_is_told(name: str, environ: dict[str, str], told: str) -> None:
    assert str(Sharing.of(name, environ)) == told
