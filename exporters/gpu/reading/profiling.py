"""What a device or MIG instance did between two passes, from GPM."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from exporters.gpu.families import Family
from exporters.gpu.families.profiling import CYCLES, GENERATIONS, PROFILING, Metric
from exporters.gpu.nvml import AbsentError, Handle, NvmlError
from exporters.gpu.nvml.fields import Answer
from exporters.gpu.nvml.gpm import MIN_WINDOW_SECONDS, Sampler, is_refusal, is_supported
from exporters.gpu.reading.tally import SUPPORTED, Tally

Clock = Callable[[], float]
Found = list[tuple[Metric, float]]

MAX_WINDOW_SECONDS: Final = 600.0
"""A mean over more than this says nothing of now."""

FAMILIES: Final = {name: Family(name) for name in (PROFILING, CYCLES)}


class Window:
    """The last sample taken, and what was found between it and the one before."""

    def __init__(
        self,
        generations: Sequence[Sequence[Metric]],
        clock: Clock,
        gpu_instance: int | None = None,
    ) -> None:
        self._generations = list(generations)
        self._clock = clock
        self._gpu_instance = gpu_instance
        self._sampler: Sampler | None = None
        self._metrics: tuple[Metric, ...] = ()
        self._sampled_at: float | None = None
        self._found: list[tuple[Metric, Answer]] = []

    def read(self, handle: Handle, *, is_full: bool) -> list[tuple[Metric, Answer]]:
        """Every metric with its answer; nothing yet after the first sample.

        Raises NvmlError when the device cannot be sampled or the question is refused.
        """
        sampler = self._opened()
        now, before = self._clock(), self._sampled_at
        if before is not None and now - before < MIN_WINDOW_SECONDS:
            return self._found  # the driver needs more time between two samples
        self._sampled_at, self._found = None, []
        sampler.sample(handle, self._gpu_instance)
        self._sampled_at = now
        if before is not None and now - before <= MAX_WINDOW_SECONDS:
            self._found = self._answered(sampler, is_full=is_full)
        return self._found

    def release(self) -> None:
        """Give the samples back to the driver."""
        if self._sampler is not None:
            with contextlib.suppress(NvmlError):  # of a driver that is gone
                self._sampler.free()
        self._sampler, self._sampled_at, self._found = None, None, []

    def _opened(self) -> Sampler:
        if self._sampler is None:
            self._sampler = Sampler()
            self._metrics = ()
        return self._sampler

    def _answered(self, sampler: Sampler, *, is_full: bool) -> list[tuple[Metric, Answer]]:
        if is_full or not self._metrics:
            self._ask(sampler, [one for metrics in self._generations for one in metrics])
        answers = self._asked(sampler)
        found = list(zip(self._metrics, answers, strict=True))
        told = [metric for metric, (_, error) in found if not isinstance(error, AbsentError)]
        if len(told) < len(found):
            self._ask(sampler, told)  # what is absent is asked for on full passes alone
        return found

    def _asked(self, sampler: Sampler) -> list[Answer]:
        while True:
            try:
                return sampler.metrics()
            except NvmlError as error:
                if not is_refusal(error) or len(self._generations) == 1:
                    raise
            del self._generations[-1]  # an older driver, which does not know the newest
            self._ask(sampler, [one for metrics in self._generations for one in metrics])

    def _ask(self, sampler: Sampler, metrics: Sequence[Metric]) -> None:
        self._metrics = tuple(metrics)
        sampler.ask([metric.id for metric in self._metrics])


class Profiling:
    """GPM of a whole device."""

    def __init__(self, clock: Clock) -> None:
        self._window = Window(GENERATIONS, clock)
        self._is_supported = False

    def read(self, handle: Handle, tally: Tally) -> None:
        if not (tally.is_full or self._is_supported):
            return  # what the last full pass said of it still holds
        with tally.asking(FAMILIES[PROFILING]):
            if tally.is_full:
                self._is_supported = False
                self._is_supported = is_supported(handle)
            if not self._is_supported:
                raise AbsentError("nvmlGpmQueryDeviceSupport", "not_supported")
            found = self._window.read(handle, is_full=tally.is_full)
            take(tally, found)
            if not found:  # the first sample of two
                tally.came_out(FAMILIES[PROFILING], SUPPORTED)

    def release(self) -> None:
        self._window.release()


def take(tally: Tally, found: Sequence[tuple[Metric, Answer]], *instance: str) -> None:
    """Count what a window found, for the device or for one of its instances."""
    for metric, (value, error) in found:
        family = FAMILIES[metric.family]
        if error is not None:
            tally.failed(family, error)
        else:
            known = metric.convert(value) if value is not None else None
            tally.found(family, ((metric.signal, (*instance, *metric.labels), known),))
