"""How often the probe's detector cries wolf, and how soon it finds a slowdown, by simulation.

Many kernels at once, each with a baseline learned from its own noise, at one idle sample every 10
seconds. Noise is told by its robust standard deviation; every kind below is scaled to it.
Renew docs/benchmarks/probe_detector.md with `python -m benchmarks.probe_detector`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks._rounds import commit, table
from inference_probe import detector

Floats = NDArray[np.float32]

SAMPLES_PER_HOUR: Final = 360
BASELINE_SAMPLES: Final = 60
NOISES: Final = (0.003, 0.01, 0.02, 0.025, 0.03)
KINDS: Final = ("normal", "laplace", "student_t3", "mistagged", "drifting")
LARGEST_POOL: Final = 1 << 22
MISTAGGED_SHARE: Final = 0.03
"""Contended samples that pass for idle ones; how much they are slower drifts with the load."""
DRIFT: Final = 0.005
"""Amplitude of a daily drift of the true time, as a device warms and cools."""
CONTENDED_SHARE: Final = 0.3
"""Samples that the detector does not see, when delays are simulated."""

TEXT: Final = """\
# What the probe's detector gets right

Simulated at commit {commit} by `python -m benchmarks.probe_detector`: {kernel_hours:,}
kernel-hours a row, one idle sample every 10 s, a baseline of {baseline} samples that each kernel
learned from its own noise. Threshold {threshold:g}, clip ±{clip:g}, noise floor {least:g} %, judged
up to an estimated noise of {most:g} %: a louder kernel has no verdict, so it gives no alarm, and is
left out of the delays. Found: a lasting slowdown of 5 % begins at once, and 30 % of the samples are
contended and not looked at.

{table}

The bars: at most 1e-4 false alarms per kernel and hour; 5 % found within 10 minutes.

`mistagged`: normal noise, and {mistagged:g} % of the samples are contended ones that pass for idle,
5 to 92 % slower, drifting over the day. `drifting`: normal noise around a true time that swings by
±{drift:g} % over the day. `student_t3` has infinite kurtosis. An hour that begins with its sum
above the threshold counts again, so the rates are upper bounds. Samples are taken as independent:
a device whose noise is correlated over tens of seconds alarms more often than this.
"""

RESULT = Path(__file__).parents[1] / "docs" / "benchmarks" / "probe_detector.md"


class Noise:
    """Log ratios of `devices` healthy kernels at a time, of one kind and size."""

    def __init__(self, kind: str, size: float, devices: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._kind, self._size, self._devices = kind, size, devices
        draws = _draws(kind, min(64 * devices, LARGEST_POOL), self._random)
        spread = 1.4826 * np.median(np.abs(draws))
        # Drawn once: a run takes windows of the pool at random places.
        self._pool = (draws * size / spread).astype(np.float32)
        self._phase = self._random.uniform(0, 2 * np.pi, devices).astype(np.float32)
        self._step = 0

    def next(self) -> Floats:
        """The next sample of every kernel."""
        start = int(self._random.integers(0, len(self._pool) - self._devices))
        sample: Floats = self._pool[start : start + self._devices].copy()
        self._step += 1
        angle = self._phase + np.float32(2 * np.pi * self._step / (24 * SAMPLES_PER_HOUR))
        if self._kind == "mistagged":
            hit = self._random.random(self._devices, dtype=np.float32) < MISTAGGED_SHARE
            sample += hit * (0.35 + 0.3 * np.sin(angle))
        elif self._kind == "drifting":
            sample += DRIFT * np.sin(angle)
        return sample


class Fleet:
    """Detectors of many kernels side by side, after each learned its own baseline."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        learned = np.stack([noise.next() for _ in range(BASELINE_SAMPLES)])
        self._middle = np.median(learned, axis=0)
        deviation = np.median(np.abs(learned - self._middle), axis=0)
        estimate = detector.estimated_noise(deviation, BASELINE_SAMPLES)
        self.judged = estimate <= detector.MOST_NOISE
        self._estimate = estimate.astype(np.float32)
        self.sums = np.zeros_like(self._middle)

    def take(self, shift: float = 0.0, seen: NDArray[np.bool_] | None = None) -> None:
        """Weigh the next sample of every kernel, each slower by `shift` (a logarithm)."""
        step = detector.evidence(self._noise.next() + shift - self._middle, self._estimate)
        if seen is not None:
            step = step * seen
        self.sums = np.clip(self.sums + step, 0.0, detector.CEILING)


def hourly_maxima(kind: str, noise: float, *, devices: int, hours: int, seed: int = 0) -> Floats:
    """The highest sum of each judged kernel and hour, of healthy kernels."""
    fleet = Fleet(Noise(kind, noise, devices, seed))
    found = []
    for _ in range(hours):
        highest = fleet.sums
        for _ in range(SAMPLES_PER_HOUR):
            fleet.take()
            highest = np.maximum(highest, fleet.sums)
        found.append(highest[fleet.judged])
    return np.concatenate(found)


def false_alarms_per_hour(
    kind: str, noise: float, *, devices: int, hours: int
) -> tuple[float, float]:
    """Share of healthy kernels and hours with a false alarm, and share of kernels judged at all."""
    maxima = hourly_maxima(kind, noise, devices=devices, hours=hours)
    alarms = float((maxima >= detector.THRESHOLD).sum())
    return alarms / (devices * hours), len(maxima) / (devices * hours)


def delays(
    kind: str, noise: float, *, slowdown: float = 1.05, devices: int = 10_000, seed: int = 1
) -> NDArray[np.float64]:
    """Seconds until each judged kernel is found, infinite past an hour.

    A kernel has been healthy for an hour; 30 % of its samples are contended and not looked at.
    """
    fleet = Fleet(Noise(kind, noise, devices, seed))
    random = np.random.default_rng(seed)
    for _ in range(SAMPLES_PER_HOUR):
        fleet.take()
    found = np.full(devices, np.inf)
    for step in range(1, SAMPLES_PER_HOUR + 1):
        fleet.take(np.log(slowdown), random.random(devices) >= CONTENDED_SHARE)
        found[np.isinf(found) & (fleet.sums >= detector.THRESHOLD)] = step
    seconds: NDArray[np.float64] = found[fleet.judged] * 3600 / SAMPLES_PER_HOUR
    return seconds


def main() -> None:
    """Simulate every noise, print the table, write the document."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--devices", type=int, default=40_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    rows = [
        _row(kind, noise, asked.devices, asked.hours, print) for kind in KINDS for noise in NOISES
    ]
    text = _document(rows, asked.devices * asked.hours)
    asked.out.write_text(text, encoding="utf-8")


def _row(
    kind: str, noise: float, devices: int, hours: int, say: Callable[[str], object]
) -> tuple[str, ...]:
    alarms, judged = false_alarms_per_hour(kind, noise, devices=devices, hours=hours)
    found = delays(kind, noise)
    half, most = np.quantile(found, [0.5, 0.99], method="higher")
    row = (
        kind, f"{100 * noise:.1f} %", f"{100 * judged:.0f} %", f"{alarms:.1e}",
        f"{half / 60:.1f}", f"{most / 60:.1f}", f"{100 * (found <= 600).mean():.2f} %",
    )  # fmt: skip
    say(" | ".join(row))
    return row


def _draws(kind: str, size: int, random: np.random.Generator) -> NDArray[np.float64]:
    if kind == "laplace":
        return random.laplace(size=size)
    if kind == "student_t3":
        return random.standard_t(3, size=size)
    return random.standard_normal(size)


def _document(rows: list[tuple[str, ...]], kernel_hours: int) -> str:
    head = (
        "noise", "its size", "judged", "false alarms an hour", "found after, median (min)",
        "found after, p99 (min)", "5 % found within 10 min",
    )  # fmt: skip
    return TEXT.format(
        commit=commit(),
        kernel_hours=kernel_hours,
        baseline=BASELINE_SAMPLES,
        threshold=detector.THRESHOLD,
        clip=detector.CLIP,
        least=100 * detector.LEAST_NOISE,
        most=100 * detector.MOST_NOISE,
        mistagged=100 * MISTAGGED_SHARE,
        drift=100 * DRIFT,
        table=table(head, rows),
    )


if __name__ == "__main__":
    main()
