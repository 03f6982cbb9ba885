"""One process of the stage, and the private port over which it is told to behave otherwise."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.servers.process import Command, ServerProcess
from demo.servers.run_folder import HOST, RunFolder
from demo.service.config import ProcessConfig


@dataclass(frozen=True)
class Member:
    """One process of the stage; `control_port` is that of our own processes alone."""

    name: str
    port: int
    control_port: int
    process: ServerProcess

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def tell(self, **change: Any) -> dict[str, Any]:
        """Change how it behaves; back comes what it says of itself."""
        url = f"http://{HOST}:{self.control_port}/control"
        answer = httpx.post(url, json=change, timeout=5.0, trust_env=False)
        answer.raise_for_status()
        return dict(answer.json())


def own_command(module: str, config: ProcessConfig, run: RunFolder) -> Command:
    """How a process of our own is started: its config is written to the run folder first."""
    path = run.folder("service") / f"{config.name}.json"
    path.write_text(config.model_dump_json(indent=2), encoding="utf-8")
    return Command(
        name=config.name,
        argv=[sys.executable, "-m", module, str(path)],
        log=run.log(config.name),
        folder=Path(__file__).parents[1],
    )
