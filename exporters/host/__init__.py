"""The host's side of a serving process: its own use and its cgroup's, as Prometheus series."""

from __future__ import annotations

from exporters.host.source import HostSource

__all__ = ["HostSource"]
