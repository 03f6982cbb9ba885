"""Questions about a device's health: memory errors, repairs, the fabric it belongs to."""

from __future__ import annotations

import ctypes
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pynvml

from exporters.catalog.gpu_health import (
    ECC_SPANS,
    ECC_TYPES,
    FABRIC_HEALTH,
    FABRIC_PROBLEMS,
    FABRIC_STATES,
    REPAIRS,
    ROW_AVAILABILITY,
)
from exporters.gpu.nvml.errors import AbsentError
from exporters.gpu.nvml.library import Handle, call, number

_LOCATIONS: Final = {
    "l1_cache": pynvml.NVML_MEMORY_LOCATION_L1_CACHE,
    "l2_cache": pynvml.NVML_MEMORY_LOCATION_L2_CACHE,
    "dram": pynvml.NVML_MEMORY_LOCATION_DRAM,
    "register_file": pynvml.NVML_MEMORY_LOCATION_REGISTER_FILE,
    "texture": pynvml.NVML_MEMORY_LOCATION_TEXTURE_MEMORY,
    "cbu": pynvml.NVML_MEMORY_LOCATION_CBU,
    "sram": pynvml.NVML_MEMORY_LOCATION_SRAM,
}
_FLAG_TRUE, _FLAG_FALSE, _FLAG_BITS = 1, 2, 2


@dataclass(frozen=True, slots=True)
class Fabric:
    """Where the device stands in its NVLink fabric; problems the driver cannot tell are absent."""

    state: str
    cluster: str
    clique: int
    failed: bool
    health: str | None
    problems: Mapping[str, bool]


def ecc_errors(handle: Handle, kind: str, span: str, location: str) -> float | None:
    """ECC errors of one of ECC_TYPES over one of ECC_SPANS in one of ECC_LOCATIONS."""
    counted = call(
        "nvmlDeviceGetMemoryErrorCounter",
        handle,
        ECC_TYPES.index(kind),
        ECC_SPANS.index(span),
        _LOCATIONS[location],
    )
    return number(counted)


def sram_threshold_exceeded(handle: Handle) -> float:
    """Whether the board should be replaced for its SRAM; the driver tells root alone."""
    status = pynvml.c_nvmlEccSramErrorStatus_v1_t()
    call("nvmlDeviceGetSramEccErrorStatus", handle, ctypes.byref(status))
    return float(bool(status.bThresholdExceeded))


def row_banks(handle: Handle) -> Mapping[str, float]:
    """Memory banks by what spare rows they have left (ROW_AVAILABILITY)."""
    told = call("nvmlDeviceGetRowRemapperHistogram", handle)
    return {level: float(getattr(told, level)) for level in ROW_AVAILABILITY}


def repairs(handle: Handle) -> Mapping[str, float]:
    """Whether each of REPAIRS waits for a reset."""
    told = call("nvmlDeviceGetRepairStatus", handle)
    return {repair: float(bool(is_due)) for repair, is_due in zip(REPAIRS, told, strict=True)}


def fabric(handle: Handle) -> Fabric:
    """The device's fabric; raises AbsentError for one that belongs to none."""
    told = pynvml.c_nvmlGpuFabricInfo_v3_t()
    try:
        call("nvmlDeviceGetGpuFabricInfoV", handle, ctypes.byref(told))
    except AbsentError:  # the structure before driver 570
        told = pynvml.c_nvmlGpuFabricInfo_v2_t()
        call("nvmlDeviceGetGpuFabricInfoV", handle, ctypes.byref(told))
    if not 0 < told.state <= len(FABRIC_STATES):
        raise AbsentError("nvmlDeviceGetGpuFabricInfoV", "not_supported")
    summary = getattr(told, "healthSummary", 0)
    return Fabric(
        state=FABRIC_STATES[told.state - 1],
        cluster=str(uuid.UUID(bytes=bytes(told.clusterUuid))),
        clique=told.cliqueId,
        failed=told.status != pynvml.NVML_SUCCESS,
        health=FABRIC_HEALTH[summary - 1] if 0 < summary <= len(FABRIC_HEALTH) else None,
        problems=_problems(told.healthMask),
    )


def _problems(mask: int) -> Mapping[str, bool]:
    flags = {
        problem: mask >> (at * _FLAG_BITS) & (1 << _FLAG_BITS) - 1
        for at, problem in enumerate(FABRIC_PROBLEMS)
    }
    known = (_FLAG_TRUE, _FLAG_FALSE)
    return {problem: flag == _FLAG_TRUE for problem, flag in flags.items() if flag in known}
