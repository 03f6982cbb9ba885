"""What stands behind the demo's gateway: its own replica, llama-server, or vLLM."""

from __future__ import annotations

from typing import Final

from demo.engines.engine import Engine, Seat
from demo.engines.llama import Llama
from demo.engines.tiny import Tiny
from demo.engines.vllm import Vllm
from exporters.errors import UsageError

__all__ = ["ENGINES", "Engine", "Seat", "engine_of"]

ENGINES: Final[dict[str, type[Engine]]] = {"tiny": Tiny, "llama": Llama, "vllm": Vllm}


def engine_of(name: str) -> Engine:
    """The engine of this name. Raises UsageError for one that the demo does not know."""
    if name not in ENGINES:
        raise UsageError(f"no engine is called {name!r}; allowed: {', '.join(ENGINES)}")
    return ENGINES[name]()
