"""One pass over one device: everything it tells, and what became of each family of readings."""

from __future__ import annotations

from exporters.gpu.reading.device import DeviceReader
from exporters.gpu.reading.tally import Monitor

__all__ = ["DeviceReader", "Monitor"]
