"""The host's side of a serving process: its own use and its cgroup's, as Prometheus series."""

from __future__ import annotations

from exporters.host.loop import watch_event_loop
from exporters.host.source import HostSource
from exporters.host.torch_memory import TorchMemory

__all__ = ["HostSource", "TorchMemory", "watch_event_loop"]
