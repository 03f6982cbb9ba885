"""The canary as a thread beside another exporter, as a process of its own, or once for a person."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from exporters import exposition
from exporters.errors import UsageError
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.config import CanarySection
from inference_probe.canary.exporter import CanaryExporter
from inference_probe.canary.schedule import Schedule

log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 5.0


def ask_once(section: CanarySection) -> list[Attempt]:
    """Ask every target one time; all attempts, in the order of the targets."""
    _require_targets(section)
    attempts: list[Attempt] = []

    async def ask() -> None:
        await Schedule(section, attempts.append, lambda *_: None).once()

    asyncio.run(ask())
    order = [(target.name, target.model) for target in section.targets]
    return sorted(
        attempts, key=lambda made: (order.index((made.endpoint, made.model)), made.number)
    )


def serve(
    section: CanarySection,
    host: str,
    port: int,
    *,
    announce: Callable[[str], object] | None = None,
    web_config: Path | None = None,
) -> None:
    """Serve /metrics and keep asking until SIGINT or SIGTERM.

    Raises UsageError where no target is configured, the port is taken or the web config cannot be
    used.
    """
    _require_targets(section)
    with running(section) as canary:
        exposition.serve(
            [canary],
            host,
            port,
            ready=canary.is_alive,
            announce=announce,
            web_config=web_config,
        )


@contextmanager
def running(section: CanarySection) -> Iterator[Canary]:
    """Keep asking in a thread for as long as the block lasts."""
    canary = Canary(section)
    canary.start()
    try:
        yield canary
    finally:
        canary.close()


class Canary:
    """The asking thread with its own event loop, and what may be told of it."""

    def __init__(self, section: CanarySection) -> None:
        self._section = section
        self._exporter = CanaryExporter(section.targets)
        self._schedule = Schedule(section, self._exporter.publish, self._exporter.skipped)
        self._asking = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    def start(self) -> None:
        """Begin; without a target there is nothing to do."""
        if self._section.targets:
            self._thread.start()
            self._asking.wait(CLOSE_SECONDS)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def collect_text(self) -> str:
        """All series; of a thread that died, none that tell of now."""
        if not self.is_alive():
            self._exporter.withdraw()
        return self._exporter.collect_text()

    def close(self) -> None:
        """Stop asking; open attempts are cut off."""
        if self._thread.is_alive():
            self._stop()
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("the canary did not end within %g s", CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._ask())
        except asyncio.CancelledError:
            pass  # that is how it ends
        except Exception:  # whatever it was, the kernel probe beside it goes on
            log.exception("the canary ended; restart the probe")

    async def _ask(self) -> None:
        asking = asyncio.ensure_future(self._schedule.run())
        loop = asyncio.get_running_loop()
        self._stop = functools.partial(loop.call_soon_threadsafe, asking.cancel)
        self._asking.set()
        await asking


def _require_targets(section: CanarySection) -> None:
    if not section.targets:
        raise UsageError(
            "no endpoint to ask: [probe.canary] targets is empty; "
            'add targets = [{ name = "chat", url = "http://127.0.0.1:8000/v1", model = "..." }]'
        )
