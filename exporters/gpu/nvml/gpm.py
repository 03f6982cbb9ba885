"""GPM: what the device did between two samples, for all metrics in one driver call.

Hopper and later. Two samples must lie at least 100 ms apart (nvml.h, nvmlGpmMetricsGet).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Final

import pynvml

from exporters.gpu.nvml.errors import AbsentError, NvmlError, translated
from exporters.gpu.nvml.fields import Answer
from exporters.gpu.nvml.library import Handle, call, check, function, number

CALL: Final = "nvmlGpmMetricsGet"
MIN_WINDOW_SECONDS: Final = 0.1

_HEAD: Final = 24
_LAYOUT: Final = struct.Struct("<4xId24x")  # id, return, value, names
_UNKNOWN_METRIC: Final = (pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.NVML_ERROR_NOT_FOUND)


def is_supported(handle: Handle) -> bool:
    """Whether the device has GPM; raises AbsentError for a driver that does not know it."""
    return bool(call("nvmlGpmQueryDeviceSupport", handle).isSupportedDevice)


class Sampler:
    """Two samples of one device or MIG instance, and the metrics between them."""

    def __init__(self) -> None:
        self._before, self._now = call("nvmlGpmSampleAlloc"), call("nvmlGpmSampleAlloc")
        self._question = pynvml.c_nvmlGpmMetricsGet_t()
        self._question.version = pynvml.NVML_GPM_METRICS_GET_VERSION
        self._answers = memoryview(b"")

    def ask(self, metrics: Sequence[int]) -> None:
        """Choose the metrics (NVML_GPM_METRIC_*) that `metrics` answers from now on."""
        self._question.numMetrics = len(metrics)
        for slot, metric in zip(self._question.metrics, metrics, strict=False):
            slot.metricId = metric
        end = _HEAD + len(metrics) * _LAYOUT.size
        self._answers = memoryview(self._question).cast("B")[_HEAD:end]

    def sample(self, handle: Handle, gpu_instance: int | None = None) -> None:
        """Take a sample of the device, or of one of its MIG instances, as the newer of the two."""
        self._before, self._now = self._now, self._before
        if gpu_instance is None:
            check("nvmlGpmSampleGet", function("nvmlGpmSampleGet")(handle, self._now))
        else:
            call("nvmlGpmMigSampleGet", handle, ctypes.c_uint(gpu_instance), self._now)

    def metrics(self) -> list[Answer]:
        """What the device did between the samples, in the order of the metrics.

        Raises NvmlError when the call as a whole fails.
        """
        self._question.sample1, self._question.sample2 = self._before, self._now
        check(CALL, function(CALL)(ctypes.byref(self._question)))
        return [_answer(*answer) for answer in _LAYOUT.iter_unpack(self._answers)]

    def free(self) -> None:
        """Give the samples back; before NVML is shut down."""
        for sample in (self._before, self._now):
            call("nvmlGpmSampleFree", sample)


def _answer(result: int, value: float) -> Answer:
    if result == pynvml.NVML_SUCCESS:
        return number(value), None
    return _FAILURES.get(result) or _failure(result)


def _failure(result: int) -> Answer:
    error = translated(CALL, result)
    if result in _UNKNOWN_METRIC:
        error = AbsentError(CALL, error.error)
    return _FAILURES.setdefault(result, (None, error))


_FAILURES: dict[int, Answer] = {}


def is_refusal(error: NvmlError) -> bool:
    """Whether a driver refused the question itself: it asks for metrics it does not know."""
    return error.error in {"invalid_argument", "argument_version_mismatch"}
