"""The cost formulas, against counts made by hand."""

from __future__ import annotations

import pytest

from inference_probe.cost import (
    Cost,
    all_reduce_cost,
    attention_cost,
    copy_cost,
    gather_cost,
    gemm_cost,
    link_cost,
    norm_activation_cost,
    prefill_attention_cost,
)
from inference_probe.shapes import DECODE_TOKENS, presets

H100_BALANCE = 989.5e12 / 3.35e12
"""FLOP per byte at which an H100 SXM is bound by both (datasheet, bf16)."""


def test_costs_are_those_of_the_textbook() -> None:
    assert gemm_cost(2, 3, 5, 4) == Cost(flops=60, bytes=4 * (6 + 15 + 10))
    assert attention_cost(8, 2, 100, 16, 2) == Cost(flops=51_200, bytes=2 * (6400 + 256))
    assert attention_cost(8, 2, 100, 16, 2, sequences=3) == Cost(153_600, 6 * (6400 + 256))
    assert gather_cost(10, 16, 2) == Cost(flops=0, bytes=2 * 10 * 16 * 2 + 80)
    assert copy_cost(1000) == Cost(flops=0, bytes=2000)
    assert link_cost(1000) == Cost(flops=0, bytes=1000)
    assert norm_activation_cost(3, 8, 16, 2) == Cost(4 * 24 + 5 * 48, 2 * (2 * 24 + 5 * 48))


def test_a_causal_prefill_computes_the_lower_half_with_its_diagonal() -> None:
    pairs = sum(1 for row in range(7) for column in range(7) if column <= row)

    cost = prefill_attention_cost(4, 2, 7, 16, 2)

    assert cost == Cost(flops=4 * 4 * 16 * pairs, bytes=2 * 2 * 7 * 6 * 16)


@pytest.mark.parametrize(("ranks", "times"), [(2, 1.0), (4, 1.5), (8, 1.75)])
def test_a_ring_sends_almost_everything_twice(ranks: int, times: float) -> None:
    assert all_reduce_cost(1000, ranks) == Cost(flops=0, bytes=1000 * times)


@pytest.mark.parametrize("name", ["7b", "70b", "671b-moe"])
def test_prefill_is_bound_by_arithmetic_and_decode_by_memory(name: str) -> None:
    shapes = presets()[name]

    def intensity(cost: Cost) -> float:
        return cost.flops / cost.bytes

    assert intensity(gemm_cost(shapes.prefill_tokens, shapes.hidden, shapes.inner, 2)) > (
        H100_BALANCE
    )
    assert (
        intensity(
            prefill_attention_cost(
                shapes.heads, shapes.kv_heads, shapes.attention_tokens, shapes.head_size, 2
            )
        )
        > H100_BALANCE
    )
    for rows in DECODE_TOKENS:
        assert intensity(gemm_cost(rows, shapes.hidden, shapes.inner, 2)) < H100_BALANCE / 4
    assert (
        intensity(
            attention_cost(shapes.heads, shapes.kv_heads, shapes.context, shapes.head_size, 2)
        )
        < H100_BALANCE / 10
    )
