"""Kernels that mostly move memory on the device: normalise and gate, gather rows, copy."""

from __future__ import annotations

import torch
from torch.nn.functional import rms_norm

from inference_probe.cost import copy_cost, gather_cost, norm_activation_cost
from inference_probe.kernels.arena import Arena
from inference_probe.kernels.arithmetic import PRECISIONS
from inference_probe.kernels.kernel import Kernel, checksum
from inference_probe.shapes import Shapes

EPSILON = 1e-5


def norm_activation(arena: Arena, shapes: Shapes) -> Kernel:
    """RMSNorm of the hidden state, then SiLU of the gate times the other projection.

    The checksum is that of the last step alone; the norm feeds no later one here.
    """
    tokens, hidden, inner = shapes.prefill_tokens, shapes.hidden, shapes.inner
    weight = arena.view(hidden)
    states, gates = arena.views(tokens, hidden), arena.views(tokens, inner)
    output = arena.output(tokens, inner)
    normed = [weight]

    def launch(turn: int) -> None:
        gate = gates[turn % len(gates)]
        normed[0] = rms_norm(states[turn % len(states)], (hidden,), weight, EPSILON)
        torch.ops.aten.silu.out(gate, out=output)
        torch.mul(output, gates[(turn + 1) % len(gates)], out=output)

    return Kernel(
        name="norm_activation",
        cost=norm_activation_cost(tokens, hidden, inner, output.element_size()),
        bound="memory",
        inputs=max(len(states), len(gates)),
        launch=launch,
        checksum=lambda: checksum(normed[0]) ^ checksum(output),
        precision=PRECISIONS[arena.dtype],
    )


def embedding_gather(arena: Arena, shapes: Shapes) -> Kernel:
    """Rows of an embedding table for as many tokens as the scratch holds, at random places."""
    width = shapes.hidden
    # The last view may overlap the one before it.
    table = arena.view(len(arena.views(width)) - 1, width)
    rows = min(arena.room // width, 2 * shapes.prefill_tokens)
    output = arena.output(rows, width)
    generator = torch.Generator("cpu").manual_seed(1)
    inputs = 4
    indices = [
        torch.randint(len(table), (rows,), generator=generator).to(arena.device)
        for _ in range(inputs)
    ]
    return Kernel(
        name="embedding_gather",
        cost=gather_cost(rows, width, output.element_size()),
        bound="memory",
        inputs=inputs,
        launch=lambda turn: torch.index_select(table, 0, indices[turn], out=output),
        checksum=lambda: checksum(output),
    )


def device_copy(arena: Arena, shapes: Shapes) -> Kernel:
    """A copy within the device's memory."""
    elements = shapes.copy_bytes // arena.dtype.itemsize
    sources, target = arena.views(elements), arena.output(elements)
    return Kernel(
        name="device_copy",
        cost=copy_cost(target.nbytes),
        bound="memory",
        inputs=len(sources),
        launch=lambda turn: target.copy_(sources[turn]),
        checksum=lambda: checksum(target),
    )
