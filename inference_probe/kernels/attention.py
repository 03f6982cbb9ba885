"""Scaled dot-product attention with grouped queries: over a prompt, and over a KV cache."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from inference_probe.cost import attention_cost, prefill_attention_cost
from inference_probe.kernels.arena import Arena
from inference_probe.kernels.arithmetic import PRECISIONS
from inference_probe.kernels.kernel import Kernel, checksum
from inference_probe.shapes import Shapes

# This operator takes no output tensor: torch's allocator hands it the same block each time.


def attention_prefill(arena: Arena, shapes: Shapes) -> Kernel:
    """Every token of a prompt looks back at those before it."""
    tokens, size = shapes.attention_tokens, shapes.head_size
    query = arena.view(1, shapes.heads, tokens, size)
    keys = arena.views(1, shapes.kv_heads, tokens, size)
    last = [query]

    def launch(turn: int) -> None:
        last[0] = scaled_dot_product_attention(
            query, keys[turn], _after(keys, turn), is_causal=True, enable_gqa=True
        )

    return Kernel(
        name="attention_prefill",
        cost=prefill_attention_cost(
            shapes.heads, shapes.kv_heads, tokens, size, query.element_size()
        ),
        bound="compute",
        inputs=len(keys),
        launch=launch,
        checksum=lambda: checksum(last[0]),
        precision=PRECISIONS[arena.dtype],
    )


def attention_decode(arena: Arena, shapes: Shapes) -> Kernel:
    """One new token of each sequence attends to a full context in the KV cache."""
    size = shapes.head_size
    query = arena.view(shapes.sequences, shapes.heads, 1, size)
    caches = arena.views(shapes.sequences, shapes.kv_heads, shapes.context, size)
    last = [query]

    def launch(turn: int) -> None:
        last[0] = scaled_dot_product_attention(
            query, caches[turn], _after(caches, turn), enable_gqa=True
        )

    return Kernel(
        name="attention_decode",
        cost=attention_cost(
            shapes.heads, shapes.kv_heads, shapes.context, size, query.element_size(),
            shapes.sequences,
        ),
        bound="memory",
        inputs=len(caches),
        launch=launch,
        checksum=lambda: checksum(last[0]),
        precision=PRECISIONS[arena.dtype],
    )  # fmt: skip


def _after(views: list[Tensor], turn: int) -> Tensor:
    return views[(turn + 1) % len(views)]
