"""The way to the device and between devices: launches, graphs, copies over PCIe, all-reduce."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from inference_probe.cost import Cost, all_reduce_cost, link_cost
from inference_probe.kernels.arena import Arena
from inference_probe.kernels.kernel import Kernel, checksum

GRAPH_NODES = 16
LATENCY = Cost(flops=0.0, bytes=0.0)
"""What counts is that it was launched at all."""

Capture = Callable[[Callable[[], object]], Callable[[], object] | None]
Reduce = Callable[[Sequence[Tensor], Sequence[Tensor]], object]
"""Sums the first tensors, one a device, into the second ones."""


def launch_latency(arena: Arena) -> Kernel:
    """The smallest kernel there is, launched one by one: host, driver, the device's front end."""
    source, output = arena.view(1), torch.zeros(1, device=arena.device, dtype=arena.dtype)
    return Kernel(
        name="launch_latency",
        cost=LATENCY,
        bound="latency",
        inputs=1,
        launch=lambda _: torch.neg(source, out=output),
        checksum=lambda: checksum(output),
        in_graph=False,
    )


def graph_replay(arena: Arena, capture: Capture) -> Kernel:
    """A CUDA graph of 16 smallest kernels, replayed. Raises RuntimeError where there is none."""
    source, output = arena.view(1), torch.zeros(1, device=arena.device, dtype=arena.dtype)

    def nodes() -> None:
        for _ in range(GRAPH_NODES):
            torch.neg(source, out=output)

    replay = capture(nodes)
    if replay is None:
        raise RuntimeError("the device has no graphs")
    return Kernel(
        name="graph_replay",
        cost=LATENCY,
        bound="latency",
        inputs=1,
        launch=lambda _: replay(),
        checksum=lambda: checksum(output),
        in_graph=False,
    )


def host_to_device(arena: Arena, size_bytes: int) -> Kernel:
    """A copy from pinned memory of the host."""
    target = arena.output(size_bytes // arena.dtype.itemsize)
    source = _pinned(target)
    source.copy_(arena.view(*target.shape))
    return _copy("copy_host_to_device", source, target)


def device_to_host(arena: Arena, size_bytes: int) -> Kernel:
    """A copy into pinned memory of the host."""
    source = arena.view(size_bytes // arena.dtype.itemsize)
    return _copy("copy_device_to_host", source, _pinned(source))


def _copy(name: str, source: Tensor, target: Tensor) -> Kernel:
    return Kernel(
        name=name,
        cost=link_cost(source.nbytes),
        bound="link",
        inputs=1,
        launch=lambda _: target.copy_(source, non_blocking=True),
        checksum=lambda: checksum(target),
        in_graph=False,
    )


def all_reduce(
    name: str, sources: Sequence[Tensor], targets: Sequence[Tensor], reduce: Reduce
) -> Kernel:
    """The sum of one tensor per device, on every device.

    The bound is the link between devices, of which no datasheet peak is given: topologies differ.
    """
    for rank, source in enumerate(sources):
        source.fill_(rank + 1)
    return Kernel(
        name=name,
        cost=all_reduce_cost(sources[0].nbytes, len(sources)),
        bound="link",
        inputs=1,
        launch=lambda _: reduce(sources, targets),
        checksum=lambda: checksum(targets[0]),
        in_graph=False,
    )


def _pinned(like: Tensor) -> Tensor:
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=like.device.type == "cuda")
