"""Which series of which engine stands for a neutral signal; an upstream rename is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.engines.busysignal import BUSYSIGNAL
from exporters.catalog.engines.dynamo import DYNAMO
from exporters.catalog.engines.litellm import LITELLM
from exporters.catalog.engines.llamacpp import LLAMACPP
from exporters.catalog.engines.ray_serve import RAY_SERVE
from exporters.catalog.engines.sglang import SGLANG
from exporters.catalog.engines.tgi import TGI
from exporters.catalog.engines.triton import TRITON
from exporters.catalog.engines.trtllm import TRTLLM
from exporters.catalog.engines.vllm import VLLM

if TYPE_CHECKING:
    from exporters.catalog.signal import Recorded

__all__ = ["ENGINES", "REPLICA", "SIGNALS", "Alias", "Engine", "aliases_of"]

REPLICA = "replica"
"""The job whose targets are engines."""

ENGINES = (
    BUSYSIGNAL, VLLM, SGLANG, LLAMACPP, TRTLLM, TGI, TRITON, DYNAMO, RAY_SERVE, LITELLM,
)  # fmt: skip
"""In order of preference: where a replica shows several, the first one counts."""

SIGNALS = tuple(signal for engine in ENGINES for signal in engine.signals)
"""Every foreign series that the tables read."""


def aliases_of(signal: Recorded) -> tuple[Alias, ...]:
    """Every engine's spellings of a neutral signal, on the replicas' own targets."""
    return tuple(
        alias.where(job=REPLICA) for engine in ENGINES for alias in engine.aliases.get(signal, ())
    )
