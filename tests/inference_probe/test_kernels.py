"""Kernels compute what they claim, at the cost they claim."""

from __future__ import annotations

import pytest
import torch

from exporters.catalog.probe import KERNELS
from inference_probe.cost import Cost, attention_cost, copy_cost, gemm_cost
from inference_probe.kernels import (
    PRESETS,
    Kernel,
    Maker,
    Shapes,
    attention_decode,
    device_copy,
    fingerprint,
    gemm,
    make_kernels,
)

CPU = torch.device("cpu")
SMALL = Shapes(
    prefill_tokens=5,
    decode_tokens=2,
    hidden=7,
    inner=11,
    heads=4,
    kv_heads=2,
    head_size=8,
    context=9,
    copy_bytes=64,
    rotated_bytes=2048,
)


@pytest.fixture
def maker() -> Maker:
    return Maker(CPU, torch.float32)


def equal_inputs() -> Maker:
    return Maker(CPU, torch.float32)


def test_gemm_multiplies(maker: Maker) -> None:
    weights = maker.rotated(1, 7, 11)
    kernel = gemm("gemm_prefill", maker, 5, weights)
    again = equal_inputs()
    expected_weights = again.rotated(1, 7, 11)
    activations = again.random(5, 7)

    kernel.launch(1)

    expected = activations.double() @ expected_weights[1].double()
    assert kernel.fingerprint() == pytest.approx(fingerprint(expected), rel=1e-4)


def test_attention_weighs_the_cache_by_softmax(maker: Maker) -> None:
    kernel = attention_decode(maker, SMALL)
    again = equal_inputs()
    query = again.random(1, 4, 1, 8)
    keys = again.rotated(1024, 1, 2, 9, 8)
    values = [again.random(1, 2, 9, 8) for _ in keys]

    kernel.launch(0)

    shared_keys = keys[0].repeat_interleave(2, dim=1).double()
    shared_values = values[0].repeat_interleave(2, dim=1).double()
    scores = torch.softmax(query.double() @ shared_keys.transpose(-1, -2) / 8**0.5, dim=-1)
    expected = fingerprint(scores @ shared_values)
    assert kernel.fingerprint() == pytest.approx(expected, rel=1e-4)


def test_copy_copies(maker: Maker) -> None:
    kernel = device_copy(maker, SMALL)
    sources = equal_inputs().rotated(2048, 16)

    kernel.launch(3)

    assert kernel.fingerprint() == fingerprint(sources[3])


def test_costs_are_those_of_the_textbook() -> None:
    assert gemm_cost(2, 3, 5, 4) == Cost(flops=60, bytes=4 * (6 + 15 + 10))
    assert attention_cost(8, 2, 100, 16, 2) == Cost(flops=51_200, bytes=2 * (6400 + 256))
    assert copy_cost(1000) == Cost(flops=0, bytes=2000)


def test_a_prefill_of_the_8b_model_is_bound_by_arithmetic_and_its_decode_by_memory() -> None:
    shapes = PRESETS["7b"]
    prefill = gemm_cost(shapes.prefill_tokens, shapes.hidden, shapes.inner, 2)
    decode = gemm_cost(shapes.decode_tokens, shapes.hidden, shapes.inner, 2)
    balance = 989e12 / 3.35e12  # H100 SXM datasheet: bf16 FLOP/s over bytes/s

    assert prefill.flops / prefill.bytes > balance
    assert decode.flops / decode.bytes < balance / 10


def test_inputs_rotate_over_the_bytes_asked_for(maker: Maker) -> None:
    tensors = maker.rotated(10_000, 250)

    assert sum(tensor.nbytes for tensor in tensors) == 10_000
    assert len({tensor.data_ptr() for tensor in tensors}) == 10


def kernels() -> list[Kernel]:
    return make_kernels(PRESETS["tiny"], CPU, torch.float32)


def test_the_probe_has_the_kernels_of_the_catalogue() -> None:
    assert tuple(kernel.name for kernel in kernels()) == KERNELS


def test_equal_launches_give_equal_fingerprints_and_other_inputs_do_not() -> None:
    for kernel in kernels():
        found = []
        for turn in (0, 1, 0):
            kernel.launch(turn)
            found.append(kernel.fingerprint())

        assert found[0] == found[2] != found[1]


def test_one_wrong_element_changes_the_fingerprint() -> None:
    right = torch.ones(4096)
    wrong = right.clone()
    wrong[0] = 1.5

    assert abs(fingerprint(wrong) / fingerprint(right) - 1) > 0
    assert fingerprint(wrong) != fingerprint(right)
