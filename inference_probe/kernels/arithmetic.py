"""Matrix products: bound by arithmetic with many rows, by memory with few."""

from __future__ import annotations

import torch

from inference_probe.cost import Cost, gemm_cost
from inference_probe.kernels.arena import Arena
from inference_probe.kernels.kernel import Bound, Kernel, checksum

PRECISIONS = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}


def gemm(name: str, bound: Bound, arena: Arena, tokens: int, hidden: int, inner: int) -> Kernel:
    """The first projection of the feed-forward block: [tokens, hidden] by [hidden, inner]."""
    activations, weights = arena.view(tokens, hidden), arena.views(hidden, inner)
    output = arena.output(tokens, inner)
    return Kernel(
        name=name,
        cost=gemm_cost(tokens, hidden, inner, output.element_size()),
        bound=bound,
        inputs=len(weights),
        launch=lambda turn: torch.mm(activations, weights[turn], out=output),
        checksum=lambda: checksum(output),
        precision=PRECISIONS[arena.dtype],
    )


def gemm_fp8(name: str, arena: Arena, tokens: int, hidden: int, inner: int) -> Kernel:
    """The same in 8-bit floats (e4m3) with one scale per tensor, into the arena's type.

    Raises RuntimeError where device or library cannot. torch offers it under a private name.
    """
    eight, one = torch.float8_e4m3fn, torch.ones((), device=arena.device)
    activations = arena.view(tokens, hidden).to(eight)
    weights = arena.view(inner, hidden).to(eight).t()  # the library wants columns together
    output = arena.output(tokens, inner)
    multiply = torch._scaled_mm  # noqa: SLF001  the only way to cuBLAS's fp8 from torch

    def launch(turn: int) -> object:
        return multiply(
            activations, weights, scale_a=one, scale_b=one, out_dtype=output.dtype, out=output
        )

    return Kernel(
        name=name,
        # Inputs of one byte, and outputs of two: the second byte of these is added.
        cost=_with_wide_output(tokens, hidden, inner),
        bound="compute",
        inputs=1,
        launch=launch,
        checksum=lambda: checksum(output),
        precision="fp8",
    )


def _with_wide_output(tokens: int, hidden: int, inner: int) -> Cost:
    narrow = gemm_cost(tokens, hidden, inner, 1)
    return Cost(narrow.flops, narrow.bytes + tokens * inner)
