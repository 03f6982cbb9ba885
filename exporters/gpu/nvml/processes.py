"""Who is on a device, and what each process uses of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from exporters.catalog.gpu_processes import PROCESS_KINDS
from exporters.gpu.nvml.errors import AbsentError, NvmlError
from exporters.gpu.nvml.library import UNSET, Handle, call, number, ratio

_LISTS: Final = dict(
    zip(
        PROCESS_KINDS,
        (
            "nvmlDeviceGetComputeRunningProcesses",
            "nvmlDeviceGetGraphicsRunningProcesses",
            "nvmlDeviceGetMPSComputeRunningProcesses",
        ),
        strict=True,
    )
)
_FIRST_GARBLED, _FIRST_SOUND = 43, 98
_IDLE: Final = ("success", "not_found", "no_data")
"""How NVML and pynvml say that no process did anything; "success" is an empty list."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Ratios of the device's time that one process used; None where the driver does not tell."""

    sm: float | None = None
    memory: float | None = None
    encoder: float | None = None
    decoder: float | None = None
    jpeg: float | None = None
    optical_flow: float | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A process with a context on the device: `kind` is one of PROCESS_KINDS, memory in bytes."""

    pid: int
    kind: str
    memory: float | None = None
    gpu_instance: int | None = None
    compute_instance: int | None = None
    usage: Usage | None = None


def is_garbled(driver: str) -> bool:
    """Whether this driver fills the newest list with a structure that it alone has.

    The 535 line did until its 98th release; read as any other driver's, it gives made-up numbers.
    """
    release = re.match(r"535\.(\d+)", driver)
    return release is not None and _FIRST_GARBLED <= int(release[1]) < _FIRST_SOUND


def running(handle: Handle, kind: str, *, garbled: bool = False) -> Iterator[Process]:
    """Processes of one of PROCESS_KINDS; raises NvmlError, AbsentError where there is no such."""
    for told in _listed(_LISTS[kind], handle, garbled=garbled):
        yield Process(
            pid=told.pid,
            kind=kind,
            memory=number(told.usedGpuMemory) if told.usedGpuMemory is not None else None,
            gpu_instance=_instance(told.gpuInstanceId),
            compute_instance=_instance(told.computeInstanceId),
        )


def usages(handle: Handle, since: int) -> tuple[Mapping[int, Usage], int]:
    """What each process used since `since` (microseconds of the driver's clock), by pid.

    Also returns the time to ask from next; without it the driver averages over all it remembers.
    """
    try:
        samples = _samples(handle, since)
    except NvmlError as error:
        if error.error in _IDLE:
            return {}, since
        raise
    fresh = [sample for sample in samples if sample.pid and sample.timeStamp > since]
    latest = max((int(sample.timeStamp) for sample in fresh), default=since)
    return {sample.pid: _usage(sample) for sample in fresh}, latest


def with_usage(process: Process, used: Mapping[int, Usage]) -> Process:
    """The process with what it used; one that used nothing is not in the driver's list."""
    return replace(process, usage=used.get(process.pid, Usage(sm=0.0, memory=0.0)))


def _listed(name: str, handle: Handle, *, garbled: bool) -> list[Any]:
    if not garbled:
        try:
            return list(call(name, handle))
        except AbsentError:  # before driver 510, or a kind that this driver does not have
            pass
    return list(call(f"{name}_v2", handle))


def _samples(handle: Handle, since: int) -> list[Any]:
    try:
        return list(call("nvmlDeviceGetProcessesUtilizationInfo", handle, since))
    except AbsentError:  # before driver 550
        return list(call("nvmlDeviceGetProcessUtilization", handle, since))


def _usage(sample: Any) -> Usage:
    return Usage(
        sm=ratio(sample.smUtil),
        memory=ratio(sample.memUtil),
        encoder=ratio(sample.encUtil),
        decoder=ratio(sample.decUtil),
        jpeg=_optional(sample, "jpgUtil"),
        optical_flow=_optional(sample, "ofaUtil"),
    )


def _optional(sample: Any, name: str) -> float | None:
    value = getattr(sample, name, None)
    return None if value is None else ratio(value)


def _instance(value: int) -> int | None:
    return None if value in UNSET else value
