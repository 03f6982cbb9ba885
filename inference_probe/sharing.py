"""How much of a GPU this process was given: all of it, a MIG slice, or a share under MPS."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

MPS_PIPES: Final = Path("/tmp/nvidia-mps")  # noqa: S108  where MPS puts them by default
PROFILE: Final = re.compile(r"\bMIG (\d+g\.\d+gb\S*)")


@dataclass(frozen=True, slots=True)
class Sharing:
    """`mode` and what is known of the share: a MIG profile, or percent of threads under MPS."""

    mode: Literal["whole", "mig", "mps"] = "whole"
    share: str = ""

    @classmethod
    def of(cls, name: str, environ: Mapping[str, str] = os.environ) -> Sharing:
        """Read it from the device's name and from the environment of MPS clients."""
        if found := PROFILE.search(name):
            return cls("mig", found[1])
        pipes = Path(environ.get("CUDA_MPS_PIPE_DIRECTORY") or MPS_PIPES)
        if "CUDA_MPS_PIPE_DIRECTORY" in environ or (pipes / "control").exists():
            percent = environ.get("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "")
            return cls("mps", f"{percent} % of threads" if percent else "")
        return cls()

    def __str__(self) -> str:
        return f"{self.mode} {self.share}".strip()
