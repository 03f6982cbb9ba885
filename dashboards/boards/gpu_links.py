"""The GPU dashboard's links: traffic, lanes and errors of PCIe, NVLink and the fabric."""

from __future__ import annotations

from dashboards.boards.gpu_parts import DEVICE, bars, lines, states
from dashboards.panels import Panel, falling
from exporters.catalog import neutral_gpu, neutral_hardware

NO_NVLINK = "no NVLinks here"


def links() -> tuple[Panel, ...]:
    """PCIe first, then NVLink."""
    flow = f"{DEVICE} {{{{direction}}}}"
    return (
        lines("PCIe traffic", "Between host and device: weights, offloaded KV cache, copies.",
              neutral_hardware.PCIE_BYTES, flow, empty="no device tells"),
        lines("PCIe lanes", "In use, of those there are: fewer than all is a bad contact.",
              neutral_hardware.PCIE_WIDTH, steps=falling(1), empty="no device tells"),
        bars("PCIe replays", "Packets between host and GPU that had to be sent again.",
             neutral_gpu.PCIE_REPLAY_RATE, empty="no device counts replays"),
        lines("NVLink traffic", "Between GPUs: tensor parallelism lives on it.",
              neutral_hardware.NVLINK_BYTES, flow, empty=NO_NVLINK),
        bars("NVLink errors", "Packets between GPUs that had to be sent again.",
             neutral_gpu.NVLINK_ERROR_RATE, empty=NO_NVLINK),
        bars("NVLinks down", "Links that were active and are not.",
             neutral_hardware.NVLINKS_DOWN, empty="none went down"),
        states("Fabric problems", "What limits the NVLink fabric, as the device sees it.",
               neutral_hardware.FABRIC_PROBLEM, f"{DEVICE} {{{{problem}}}}", width=24,
               empty="no device is in a fabric"),
    )  # fmt: skip
