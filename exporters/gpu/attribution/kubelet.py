"""The kubelet's allocations, asked for now and then by a thread that may wait."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from exporters.gpu.attribution.pod_resources import Allocation, PodResourcesError, ask

log = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 1.0


class Kubelet:
    """What the kubelet last said; nothing while its socket is not there."""

    def __init__(self, path: Path, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._path = path
        self._interval = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pod-resources", daemon=True)
        self._complaint = ""
        self.allocations: frozenset[Allocation] = frozenset()
        self.is_up: bool | None = None
        """None where there is no kubelet."""

    def start(self) -> None:
        self.refresh()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def refresh(self) -> None:
        """Ask once; what cannot be had any more is not known any more."""
        try:
            self._path.stat()  # its folder is often root's alone: that is no absent kubelet
            self.allocations, self.is_up = ask(self._path), True
            self._complaint = ""
        except (FileNotFoundError, NotADirectoryError):
            self.allocations, self.is_up = frozenset(), None
        except (PodResourcesError, OSError) as error:
            self.allocations, self.is_up = frozenset(), False
            if str(error) != self._complaint:  # once, not four times a minute
                log.warning("pods stay without names: %s", error)
                self._complaint = str(error)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self.refresh()
