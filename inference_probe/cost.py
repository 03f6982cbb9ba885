"""What one launch of a kernel takes by arithmetic alone: operations, and bytes read and written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one launch takes: floating-point operations, and bytes read and written."""

    flops: float
    bytes: float


def gemm_cost(rows: int, inner: int, columns: int, element_bytes: int) -> Cost:
    """A multiply and an add per element of the inner dimension; each matrix passes once."""
    elements = rows * inner + inner * columns + rows * columns
    return Cost(flops=2.0 * rows * inner * columns, bytes=float(elements * element_bytes))


def attention_cost(
    heads: int, kv_heads: int, context: int, head_size: int, element_bytes: int, sequences: int = 1
) -> Cost:
    """Two products per head over the context; the KV cache passes once, shared by its heads."""
    cache = 2 * kv_heads * context * head_size
    query_and_output = 2 * heads * head_size
    return Cost(
        flops=4.0 * sequences * heads * context * head_size,
        bytes=float(sequences * (cache + query_and_output) * element_bytes),
    )


def prefill_attention_cost(
    heads: int, kv_heads: int, tokens: int, head_size: int, element_bytes: int
) -> Cost:
    """Each token looks back at itself and those before it; scores never leave the chip."""
    pairs = tokens * (tokens + 1) / 2
    elements = 2 * tokens * (heads + kv_heads) * head_size
    return Cost(flops=4.0 * heads * pairs * head_size, bytes=float(elements * element_bytes))


def norm_activation_cost(tokens: int, hidden: int, inner: int, element_bytes: int) -> Cost:
    """RMSNorm reads and writes the hidden state; SiLU and the product pass the inner one 5 times.

    Operations: 4 an element of the norm (square, sum, scale, weight), 5 of SiLU and product.
    """
    return Cost(
        flops=4.0 * tokens * hidden + 5.0 * tokens * inner,
        bytes=float((2 * tokens * hidden + 5 * tokens * inner) * element_bytes),
    )


def gather_cost(rows: int, width: int, element_bytes: int, index_bytes: int = 8) -> Cost:
    """Every row is read once and written once; the indices are read."""
    return Cost(flops=0.0, bytes=float(2 * rows * width * element_bytes + rows * index_bytes))


def copy_cost(size_bytes: int) -> Cost:
    """Every byte is read once and written once."""
    return Cost(flops=0.0, bytes=2.0 * size_bytes)


def link_cost(size_bytes: int) -> Cost:
    """Every byte crosses the link once."""
    return Cost(flops=0.0, bytes=float(size_bytes))


def all_reduce_cost(size_bytes: int, ranks: int) -> Cost:
    """A ring sends each rank's bytes 2(n-1)/n times over its link, and adds (n-1)/n of them.

    The bytes are those of `busbw` in nccl-tests (doc/PERFORMANCE.md); operations are left out.
    """
    return Cost(flops=0.0, bytes=2.0 * size_bytes * (ranks - 1) / ranks)
