"""The kernels of serving a transformer, each with its known cost.

Inputs and outputs are allocated once. Each launch takes the next of several equal inputs, so that
the caches do not hold what a real launch would fetch from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from inference_probe.cost import Cost, attention_cost, copy_cost, gemm_cost

FINGERPRINT_ELEMENTS: Final = 4096


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel over `inputs` equal inputs, given by number."""

    name: str
    cost: Cost
    inputs: int
    launch: Callable[[int], object]
    fingerprint: Callable[[], float]
    """A number that any wrong element of the last output's sample would change."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Sizes of one model's kernels: tokens, hidden and inner width, heads, context, bytes."""

    prefill_tokens: int
    decode_tokens: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_size: int
    context: int
    copy_bytes: int
    rotated_bytes: int
    """Inputs rotate over at least this much: more than twice the last-level cache of a GPU."""


PRESETS: Final = {
    "tiny": Shapes(
        prefill_tokens=128, decode_tokens=4, hidden=256, inner=512, heads=8, kv_heads=4,
        head_size=64, context=512, copy_bytes=1 << 20, rotated_bytes=4 << 20,
    ),
    "7b": Shapes(
        prefill_tokens=2048, decode_tokens=8, hidden=4096, inner=14336, heads=32, kv_heads=8,
        head_size=128, context=8192, copy_bytes=32 << 20, rotated_bytes=128 << 20,
    ),
    "70b": Shapes(
        prefill_tokens=2048, decode_tokens=8, hidden=8192, inner=28672, heads=64, kv_heads=8,
        head_size=128, context=8192, copy_bytes=32 << 20, rotated_bytes=128 << 20,
    ),
}  # fmt: skip
"""`tiny` for a CPU; the others after Llama 3 8B and 70B, one layer."""


class Maker:
    """Allocates inputs on one device, always the same ones."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype = dtype
        self._generator = torch.Generator(device).manual_seed(0)

    def random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self._device, dtype=self._dtype)

    def empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, device=self._device, dtype=self._dtype)

    def rotated(self, rotated_bytes: int, *shape: int) -> list[Tensor]:
        """As many tensors of `shape` as it takes to fill `rotated_bytes`, at least two."""
        first = self.random(*shape)
        copies = max(2, ceil(rotated_bytes / first.nbytes))
        return [first, *(self.random(*shape) for _ in range(copies - 1))]


def make_kernels(shapes: Shapes, device: torch.device, dtype: torch.dtype) -> list[Kernel]:
    """Allocate every kernel of the probe on `device`."""
    maker = Maker(device, dtype)
    weights = maker.rotated(shapes.rotated_bytes, shapes.hidden, shapes.inner)
    return [
        gemm("gemm_prefill", maker, shapes.prefill_tokens, weights),
        gemm("gemm_decode", maker, shapes.decode_tokens, weights),
        attention_decode(maker, shapes),
        device_copy(maker, shapes),
    ]


def gemm(name: str, maker: Maker, tokens: int, weights: list[Tensor]) -> Kernel:
    """The first projection of the feed-forward block: bound by arithmetic or, skinny, by memory."""
    hidden, inner = weights[0].shape
    activations = maker.random(tokens, hidden)
    output = maker.empty(tokens, inner)
    return Kernel(
        name=name,
        cost=gemm_cost(tokens, hidden, inner, output.element_size()),
        inputs=len(weights),
        launch=lambda turn: torch.mm(activations, weights[turn], out=output),
        fingerprint=lambda: fingerprint(output),
    )


def attention_decode(maker: Maker, shapes: Shapes) -> Kernel:
    """One new token attends to a full context in the KV cache."""
    cache_shape = (1, shapes.kv_heads, shapes.context, shapes.head_size)
    query = maker.random(1, shapes.heads, 1, shapes.head_size)
    keys = maker.rotated(shapes.rotated_bytes // 2, *cache_shape)
    values = [maker.random(*cache_shape) for _ in keys]
    # This operator takes no output tensor; the allocator's cache gives it the same one each time.
    last = [query]

    def launch(turn: int) -> None:
        last[0] = scaled_dot_product_attention(query, keys[turn], values[turn], enable_gqa=True)

    return Kernel(
        name="attention_decode",
        cost=attention_cost(
            shapes.heads, shapes.kv_heads, shapes.context, shapes.head_size, query.element_size()
        ),
        inputs=len(keys),
        launch=launch,
        fingerprint=lambda: fingerprint(last[0]),
    )


def device_copy(maker: Maker, shapes: Shapes) -> Kernel:
    """Memory to memory on the device: nothing but bandwidth."""
    elements = shapes.copy_bytes // maker.empty(1).element_size()
    sources = maker.rotated(shapes.rotated_bytes, elements)
    target = maker.empty(elements)
    return Kernel(
        name="device_copy",
        cost=copy_cost(target.nbytes),
        inputs=len(sources),
        launch=lambda turn: target.copy_(sources[turn]),
        fingerprint=lambda: fingerprint(target),
    )


def fingerprint(output: Tensor) -> float:
    """The weighted sum of evenly spaced elements, in double precision."""
    flat = output.reshape(-1)
    step = ceil(flat.numel() / FINGERPRINT_ELEMENTS)
    sample = flat[::step].double()
    weights = torch.arange(1, sample.numel() + 1, device=sample.device, dtype=torch.float64)
    return float((sample * weights).sum().item())
