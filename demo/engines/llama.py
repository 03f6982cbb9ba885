"""llama-server with a random model: two real processes, each at low priority."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import ClassVar, Final

from demo.engines.build import LLAMA
from demo.engines.engine import Say, Seat
from demo.engines.holding import HeldFromOutside, on_one_core
from demo.engines.model import Shape, write_gguf
from demo.engines.setting_up import ensure
from demo.servers.elasticsearch import cache
from demo.servers.process import Command
from demo.servers.run_folder import HOST
from demo.service.config import MODEL, NICENESS
from exporters.errors import ServerMissingError

VARIABLE: Final = "BUSYSIGNAL_LLAMA_SERVER"
SHAPE: Final = Shape(hidden=256, layers=4)
SLOTS: Final = 4


class Llama(HeldFromOutside):
    """llama.cpp's server: slots, a queue without an end, `/metrics` without latency or outcome.

    After a stream it closes the connection, although its headers promise to keep it. Its cache of
    old prompts, 8 GiB unless told otherwise, is turned off: it only climbs, as a leak does.
    """

    name: ClassVar = "llama"
    replicas: ClassVar = 2
    load: ClassVar = 1.0
    warm_ups: ClassVar = 1
    has_gpus: ClassVar = False
    tells_host: ClassVar = False
    keeps_connections: ClassVar = False
    health: ClassVar = "/health"
    patience: ClassVar = 30.0

    def __init__(self) -> None:
        super().__init__()
        self._binary: Path | None = None

    def set_up(self, say: Say) -> None:
        """Take the one that the environment names, or build it once."""
        self._binary = named() or ensure(LLAMA, cache(), say) / "llama-server"

    def command(self, seat: Seat) -> Command:
        """A server of its own with a model that is written to the run folder once."""
        if self._binary is None:
            raise ServerMissingError("llama-server is not set up yet; call set_up first")
        model = seat.run.folder("model") / "random.gguf"
        if not model.exists():
            write_gguf(model, SHAPE)
        return Command(
            name=seat.name,
            argv=[
                *on_one_core(),
                str(self._binary), "--model", str(model), "--alias", MODEL,
                "--host", HOST, "--port", str(seat.port), "--metrics", "--offline",
                "--threads", "1", "--threads-http", "8", "--parallel", str(SLOTS),
                "--ctx-size", str(SLOTS * SHAPE.context), "--ignore-eos",
                "--cache-ram", "0",
            ],
            log=seat.run.log(seat.name),
            niceness=NICENESS,
        )  # fmt: skip


def named() -> Path | None:
    """The program that the environment names, None where it names none.

    Raises ServerMissingError where that cannot be run.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return None
    if found := shutil.which(wanted):
        return Path(found)
    raise ServerMissingError(
        f"{VARIABLE} = {wanted!r} is not a program that can be run; "
        "give the path of llama-server, or unset it to have one built"
    )
