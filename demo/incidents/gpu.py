"""A GPU: clocks, heat, power and errors, as far as an exporter or a probe sees them."""

from __future__ import annotations

from random import Random

IDLE_WATTS, FULL_WATTS = 70.0, 420.0
AMBIENT = 31.0


class Gpu:
    """`clock` is the share of the highest SM clock that is left; `kernels` a slowdown in code."""

    def __init__(self, index: int, host: str, rng: Random, *, alone: bool) -> None:
        self.index, self.host, self._rng = index, host, rng
        self.name = str(index) if alone else f"{host}/{index}"
        self.uuid = f"GPU-{rng.getrandbits(64):016x}"
        self.clock = 1.0
        self.kernels = 1.0
        self.heat = 0.0
        self.reason = ""
        self.lost = False
        self.xids: dict[str, int] = {}
        self._temperature = AMBIENT + 20.0

    @property
    def slowness(self) -> float:
        """Factor on every kernel's time."""
        return self.kernels / self.clock

    def xid(self, number: int) -> None:
        """Report an error of the driver."""
        self.xids[str(number)] = self.xids.get(str(number), 0) + 1

    def read(self, busy: float) -> dict[str, float]:
        """One look: utilisation, watts, degrees and clock for the busy share since the last."""
        noise = self._rng.gauss
        watts = (IDLE_WATTS + (FULL_WATTS - IDLE_WATTS) * busy * self.clock) * noise(1.0, 0.02)
        goal = AMBIENT + 0.1 * watts + self.heat
        self._temperature += 0.3 * (goal - self._temperature)
        return {
            "busy": min(1.0, max(0.0, busy * noise(1.0, 0.02))),
            "watts": watts,
            "celsius": self._temperature + noise(0.0, 0.4),
            "clock": min(1.0, self.clock * noise(0.985, 0.006)),
        }

    def probe(self) -> float:
        """What a probe kernel takes over its baseline."""
        return self.slowness * self._rng.lognormvariate(0.0, 0.012)
