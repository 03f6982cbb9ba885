"""What a kernel is to the probe: something to launch, what that costs, and a result to check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from inference_probe.cost import Cost

Bound = Literal["compute", "memory", "latency", "link"]
"""What limits a kernel on a healthy device."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel over `inputs` equal inputs, given by number."""

    name: str
    cost: Cost
    bound: Bound
    inputs: int
    launch: Callable[[int], object]
    checksum: Callable[[], int]
    """Of the last output: any wrong bit changes it."""
    precision: str = ""
    """Of its arithmetic, as the table of peaks names it; nothing for a kernel that only moves."""
    in_graph: bool = True
    """Whether a batch may be one CUDA graph; not where the launch itself is what is measured."""


def checksum(output: Tensor) -> int:
    """The sum of all bits taken as integers: exact, and the same in whatever order it is added."""
    flat = output.detach().reshape(-1).view(torch.uint8)
    width = next(one for one in (torch.int64, torch.int16, torch.uint8)
                 if flat.numel() % one.itemsize == 0)  # fmt: skip
    return int(flat.view(width).sum(dtype=torch.int64).item())
