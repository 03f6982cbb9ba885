"""A server that answers at a URL: one that was started here, or the operator's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from demo.servers.lookup import check_reachable
from demo.servers.process import Command, ServerProcess
from exporters.errors import UsageError


class Server:
    """`url` and, where it was started here, `process`; leaving its `with` block stops it."""

    name: ClassVar[str]
    health: ClassVar[str]
    patience: ClassVar[float] = 30.0  # seconds it may take until it is ready

    def __init__(self, url: str, command: Command | None = None, data: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self._command = command
        self._data = data
        self.process: ServerProcess | None = command.start() if command else None

    @classmethod
    def at(cls, url: str) -> Self:
        """The operator's server at `url`, which is never started or stopped here.

        Raises ServerMissingError when nothing answers there.
        """
        check_reachable(cls.name, url)
        return cls(url)

    def wait_ready(self) -> Self:
        """Return once it answers; one that does not is stopped before the error is raised."""
        if self.process:
            try:
                self.process.wait_ready(self.url + self.health, self.patience)
            except BaseException:  # Ctrl-C too: nothing may be left running
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """Stop what was started here; the operator's server stays."""
        if self.process:
            self.process.stop()

    def forget_everything(self) -> None:
        """Start it anew on the same port with no data: no samples, no pending or active alerts."""
        command = self.ours()
        self.stop()
        if self._data:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data.mkdir(parents=True)
        self.process = command.start()
        self.wait_ready()

    def ours(self) -> Command:
        """How it was started here.

        Raises UsageError for the operator's server, whose data nobody may throw away.
        """
        if self._command is None:
            raise UsageError(
                f"{self.name} at {self.url} is not ours to empty; leave its url out of the config"
            )
        return self._command

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
