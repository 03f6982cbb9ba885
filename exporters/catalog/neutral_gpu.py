"""Recorded series of a GPU's errors, repairs and inner activity: part of `neutral`."""

from __future__ import annotations

from exporters.catalog.signal import Recorded

GPU_ECC_UNCORRECTED = Recorded(
    name="gpu:ecc_uncorrected:increase",
    help="Uncorrected ECC errors over the short window.",
    labels=("instance", "gpu"),
)
GPU_RESET_NEEDED = Recorded(
    name="gpu:reset_needed",
    help="1 while the device waits for a reset or a reboot, by what for.",
    labels=("instance", "gpu", "reason"),
    unit="boolean",
)
GPU_REPLACEMENT_NEEDED = Recorded(
    name="gpu:replacement_needed",
    help="1 when the board needs replacing, by what gave out.",
    labels=("instance", "gpu", "reason"),
    unit="boolean",
)
GPUS_MISSING = Recorded(
    name="gpu:devices_missing",
    help="Devices there should be and are not.",
    labels=("instance",),
    unit="1",
)
NVLINK_ERROR_RATE = Recorded(
    name="gpu:nvlink_errors:rate",
    help="NVLink errors of all kinds.",
    labels=("instance", "gpu"),
    unit="events/second",
)
PCIE_REPLAY_RATE = Recorded(
    name="gpu:pcie_replays:rate",
    help="PCIe packets that had to be sent again.",
    labels=("instance", "gpu"),
    unit="events/second",
)
SM_ACTIVE = Recorded(
    name="gpu:sm_active:ratio",
    help="Share of SMs that were busy.",
    labels=("instance", "gpu"),
    unit="ratio",
)
PIPE_ACTIVE = Recorded(
    name="gpu:pipe_active:ratio",
    help="Share of time in which the SMs worked in a pipe.",
    labels=("instance", "gpu", "pipe"),
    unit="ratio",
)
DRAM_ACTIVE = Recorded(
    name="gpu:dram_bandwidth:ratio",
    help="Memory bandwidth used over the highest there is.",
    labels=("instance", "gpu"),
    unit="ratio",
)
KERNEL_WRONG = Recorded(
    name="gpu:kernel_wrong_results:increase",
    help="Probe kernels whose result was not the known one, over the short window.",
    labels=("instance", "device", "kernel"),
)
KERNEL_SLOWER = Recorded(
    name="gpu:kernel_slower",
    help="1 while the probe's change detector holds a kernel for slower than its baseline.",
    labels=("instance", "device", "kernel"),
    unit="boolean",
)

SIGNALS = (
    GPU_ECC_UNCORRECTED, GPU_RESET_NEEDED, GPU_REPLACEMENT_NEEDED, GPUS_MISSING,
    NVLINK_ERROR_RATE, PCIE_REPLAY_RATE, SM_ACTIVE, PIPE_ACTIVE, DRAM_ACTIVE, KERNEL_WRONG,
    KERNEL_SLOWER,
)  # fmt: skip
