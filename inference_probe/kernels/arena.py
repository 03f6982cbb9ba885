"""All memory the kernels share: one pool they read, one scratch they write, allocated once."""

from __future__ import annotations

from math import ceil, prod
from typing import Final

import torch
from torch import Tensor

from inference_probe.shapes import DECODE_TOKENS, Shapes

CACHE_SWEEP: Final = 2.05
"""The pool is this many times the L2 cache: nothing that is read is still there."""


class Arena:
    """Random numbers, the same on every start, and room for the largest output.

    Kernels run one after another, so all may read the same pool and write the same scratch.
    """

    def __init__(
        self, shapes: Shapes, device: torch.device, dtype: torch.dtype, *, cache_bytes: int = 0
    ) -> None:
        self.device, self.dtype = device, dtype
        size = dtype.itemsize
        largest = shapes.hidden * shapes.inner
        wanted = max(shapes.pool_bytes, ceil(CACHE_SWEEP * cache_bytes)) // size
        self._pool = torch.empty(max(wanted, largest) // 64 * 64, device=device, dtype=dtype)
        outputs = (
            max(shapes.prefill_tokens, *DECODE_TOKENS) * shapes.inner,
            shapes.copy_bytes // size,
        )
        self._scratch = torch.empty(max(outputs), device=device, dtype=dtype)
        if device.type != "meta":  # a plan without memory
            self._pool.normal_(generator=torch.Generator(device).manual_seed(0))

    @property
    def bytes(self) -> int:
        """Memory held from start to end."""
        return self._pool.nbytes + self._scratch.nbytes

    @property
    def room(self) -> int:
        """Elements that an output may have."""
        return self._scratch.numel()

    def views(self, *shape: int) -> list[Tensor]:
        """Views of the pool that together cover all of it, the last one flush with its end."""
        size, whole = prod(shape), self._pool.numel()
        starts = [min(start, whole - size) for start in range(0, whole, size)]
        return [self._pool[start : start + size].view(shape) for start in starts]

    def view(self, *shape: int) -> Tensor:
        """One small input: the head of the pool."""
        return self._pool[: prod(shape)].view(shape)

    def output(self, *shape: int) -> Tensor:
        """The head of the scratch."""
        return self._scratch[: prod(shape)].view(shape)
