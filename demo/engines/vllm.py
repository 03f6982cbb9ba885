"""vLLM on the CPU with a random model: one real server, for it takes a core by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final

from demo.engines.build import VLLM
from demo.engines.engine import Say, Seat
from demo.engines.holding import HeldFromOutside, on_one_core
from demo.engines.model import Shape, write_folder
from demo.engines.setting_up import ensure
from demo.servers.elasticsearch import cache
from demo.servers.process import Command
from demo.servers.run_folder import HOST
from demo.service.config import MODEL, NICENESS
from exporters.errors import ServerMissingError

SHAPE: Final = Shape(hidden=128, layers=2, context=1024)
SEQUENCES: Final = 4
BLOCK, BLOCKS = 32, 34
"""Tokens of a block of the KV cache, and how many there are: the longest request must fit."""

ENVIRONMENT: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}
"""Offline, and one thread to compute with, where the command says."""


class Vllm(HeldFromOutside):
    """vLLM's own server: everything the demo's replica tells but its steps, under vLLM's names.

    Its scheduler spins while it waits, so its three processes share one core: the rest of the
    service would starve beside them.
    """

    name: ClassVar = "vllm"
    replicas: ClassVar = 1
    load: ClassVar = 0.3
    warm_ups: ClassVar = 8
    has_gpus: ClassVar = False
    tells_host: ClassVar = False
    keeps_connections: ClassVar = True
    health: ClassVar = "/health"
    patience: ClassVar = 300.0

    def __init__(self) -> None:
        super().__init__()
        self._home: Path | None = None

    def set_up(self, say: Say) -> None:
        """Install it once; with its torch it is 5.9 GB."""
        self._home = ensure(VLLM, cache(), say)

    def command(self, seat: Seat) -> Command:
        """A server of its own; the KV cache is small, so that long requests fill it."""
        if self._home is None:
            raise ServerMissingError("vLLM is not set up yet; call set_up first")
        model = seat.run.folder("model")
        write_folder(model, SHAPE)
        return Command(
            name=seat.name,
            argv=[
                *on_one_core(),
                str(self._home / "venv" / "bin" / "python"),
                "-m", "vllm.entrypoints.openai.api_server",
                "--model", str(model), "--served-model-name", MODEL,
                "--host", HOST, "--port", str(seat.port),
                "--load-format", "dummy", "--dtype", "bfloat16", "--enforce-eager",
                "--max-model-len", str(SHAPE.context), "--max-num-seqs", str(SEQUENCES),
                "--block-size", str(BLOCK), "--num-gpu-blocks-override", str(BLOCKS),
            ],
            log=seat.run.log(seat.name),
            env={**os.environ, **ENVIRONMENT},
            niceness=NICENESS,
        )  # fmt: skip
