"""Which kernels run on a device, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import torch

from inference_probe.device import Device
from inference_probe.kernels import arithmetic, attention, link, memory
from inference_probe.kernels.arena import Arena
from inference_probe.kernels.kernel import Kernel
from inference_probe.shapes import DECODE_TOKENS, Shapes

FP8_COLUMNS: Final = 3072
"""The second copy of the weights, in 8 bits, must be small."""
LINK_BYTES: Final = 16 << 20
REDUCE_BYTES: Final = {"all_reduce_small": 16 << 10, "all_reduce_large": 16 << 20}

Make = Callable[[], Kernel]


@dataclass
class Suite:
    """Kernels that run, and those that do not with the reason."""

    arena: Arena
    kernels: list[Kernel] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def try_to_add(self, name: str, make: Make) -> None:
        """Make one kernel, or note that device or library cannot."""
        try:
            self.kernels.append(make())
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError):  # what torch raises for an unsupported operator
            self.absent[name] = "unsupported"


def make_kernels(
    shapes: Shapes, device: Device, wanted: Collection[str] = (), *, all_reduce: bool = False
) -> Suite:
    """Allocate the kernels of `shapes` on `device`: those named, or all it can run.

    Raises torch.OutOfMemoryError where they do not fit.
    """
    suite = Suite(Arena(shapes, device.torch_device, device.dtype, cache_bytes=device.cache_bytes))
    for name, make in _everywhere(suite.arena, shapes):
        if not wanted or name in wanted:
            suite.kernels.append(make())
    for name, make in _on_gpus(suite.arena, shapes, device, all_reduce=all_reduce):
        if wanted and name not in wanted:
            continue
        if device.kind == "cuda":
            suite.try_to_add(name, make)
        else:
            suite.absent[name] = "needs_gpu"
    return suite


def _everywhere(arena: Arena, shapes: Shapes) -> Iterator[tuple[str, Make]]:
    size = (shapes.hidden, shapes.inner)
    yield (
        "gemm_prefill",
        partial(arithmetic.gemm, "gemm_prefill", "compute", arena, shapes.prefill_tokens, *size),
    )
    for rows in DECODE_TOKENS:
        name = f"gemm_decode_{rows}"
        yield name, partial(arithmetic.gemm, name, "memory", arena, rows, *size)
    yield "attention_prefill", partial(attention.attention_prefill, arena, shapes)
    yield "attention_decode", partial(attention.attention_decode, arena, shapes)
    yield "norm_activation", partial(memory.norm_activation, arena, shapes)
    yield "embedding_gather", partial(memory.embedding_gather, arena, shapes)
    yield "device_copy", partial(memory.device_copy, arena, shapes)
    yield "launch_latency", partial(link.launch_latency, arena)


def _on_gpus(
    arena: Arena, shapes: Shapes, device: Device, *, all_reduce: bool
) -> Iterator[tuple[str, Make]]:
    yield "gemm_prefill_fp8", partial(_fp8, arena, shapes)
    yield "graph_replay", partial(link.graph_replay, arena, device.capture)
    size = min(LINK_BYTES, shapes.copy_bytes)
    yield "copy_host_to_device", partial(link.host_to_device, arena, size)
    yield "copy_device_to_host", partial(link.device_to_host, arena, size)
    if all_reduce:
        for name, size in REDUCE_BYTES.items():
            yield name, partial(_all_reduce, name, size, device.torch_device)


def _fp8(arena: Arena, shapes: Shapes) -> Kernel:
    kernel = arithmetic.gemm_fp8(
        "gemm_prefill_fp8",
        arena,
        shapes.prefill_tokens,
        shapes.hidden,
        min(shapes.inner, FP8_COLUMNS),
    )
    kernel.launch(0)  # older devices refuse only now
    return kernel


def _all_reduce(name: str, size: int, first: torch.device) -> Kernel:
    from torch.cuda import nccl  # noqa: PLC0415  absent from builds without CUDA

    count = torch.cuda.device_count()
    if count < 2 or first.index != 0:
        raise RuntimeError("one all-reduce for the whole node, led by its first GPU")
    ranks = [torch.device("cuda", index) for index in range(count)]
    sources, targets = (
        [torch.empty(size // 2, device=rank, dtype=torch.bfloat16) for rank in ranks]
        for _ in range(2)
    )

    def reduce(inputs: object, outputs: object) -> None:
        nccl.all_reduce(inputs, outputs)  # type: ignore[no-untyped-call]  # on current streams

    return link.all_reduce(name, sources, targets, reduce)
