"""The links a device hangs on: PCIe, NVLink, chip to chip."""

from __future__ import annotations

from typing import Final

import exporters.catalog.gpu_links as signals
from exporters.catalog.signal import Gauge
from exporters.gpu.families.family import Family, Field, Question, flag, one
from exporters.gpu.nvml import Handle, device
from exporters.gpu.nvml.fields import ALL_LINKS

KIB: Final = 1024
MEGA: Final = 1e6

NVLINK_COUNT, C2C_COUNT = 91, 170
"""The fields that tell how many links there are."""

_UP: Final = (1, 2)
"""NVML's states of an NVLink that works: active, asleep to save power."""

_ERROR_FIELDS: Final = dict(
    zip(
        signals.NVLINK_ERRORS,
        (161, 162, 163, 206, 207, 208, 209, 210, 211, 212, 214, 219, 221),
        strict=True,
    )
)
"""NVML_FI_DEV_NVLINK_ERROR_DL_*, and from NVLink 5 on NVML_FI_DEV_NVLINK_COUNT_*."""


def _link(signal: Gauge, question: str) -> Question:
    def read(handle: Handle) -> float | None:
        return device.pcie_link(handle, question)

    return one(signal, read)


def _is_up(state: float) -> float:
    return float(state in _UP)


FAMILIES: Final = (
    Family(
        "pcie_traffic",
        fields=(
            Field(197, signals.PCIE_BYTES, ("tx",)),
            Field(198, signals.PCIE_BYTES, ("rx",)),
        ),
    ),
    Family(
        "pcie_link",
        (
            _link(signals.PCIE_GENERATION, "CurrPcieLinkGeneration"),
            _link(signals.PCIE_GENERATION_MAX, "MaxPcieLinkGeneration"),
            _link(signals.PCIE_WIDTH, "CurrPcieLinkWidth"),
            _link(signals.PCIE_WIDTH_MAX, "MaxPcieLinkWidth"),
        ),
        is_slow=True,
    ),
    Family(
        "pcie_errors",
        (one(signals.PCIE_REPLAYS, device.pcie_replays),),
        (
            Field(169, signals.PCIE_RECOVERIES),
            *(
                Field(id_, signals.PCIE_LINK_ERRORS, (error,))
                for id_, error in enumerate(signals.PCIE_ERRORS, start=173)
            ),
        ),
        is_slow=True,
    ),
    Family(
        "nvlink_traffic",
        fields=(
            Field(NVLINK_COUNT, signals.NVLINK_LINKS),
            Field(138, signals.NVLINK_BYTES, ("tx",), KIB, ALL_LINKS),
            Field(139, signals.NVLINK_BYTES, ("rx",), KIB, ALL_LINKS),
            Field(138, signals.NVLINK_LINK_BYTES, ("tx",), KIB, each="nvlink"),
            Field(139, signals.NVLINK_LINK_BYTES, ("rx",), KIB, each="nvlink"),
            Field(202, signals.NVLINK_LINK_BYTES, ("tx",), each="nvlink"),
            Field(204, signals.NVLINK_LINK_BYTES, ("rx",), each="nvlink"),
        ),
    ),
    Family(
        "nvlink_errors",
        fields=(
            Field(165, signals.NVLINK_UP, convert=_is_up, each="nvlink"),
            Field(164, signals.NVLINK_SPEED, scale=MEGA, each="nvlink"),
            *(
                Field(id_, signals.NVLINK_LINK_ERRORS, (error,), each="nvlink")
                for error, id_ in _ERROR_FIELDS.items()
            ),
        ),
        is_slow=True,
    ),
    Family(
        "c2c",
        fields=(
            Field(C2C_COUNT, signals.C2C_LINKS),
            Field(171, signals.C2C_UP, convert=flag, each="c2c"),
            Field(172, signals.C2C_SPEED, scale=MEGA, each="c2c"),
            *(
                Field(id_, signals.C2C_LINK_ERRORS, (error,), each="c2c")
                for id_, error in enumerate(signals.C2C_ERRORS, start=231)
            ),
        ),
        is_slow=True,
    ),
)
