"""Which series of which engine stands for a neutral signal; an upstream rename is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.catalog import engine, foreign, neutral, requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporters.catalog.signal import Recorded, Selector

REPLICA = "replica"
"""The job whose targets are engines."""


@dataclass(frozen=True)
class Engine:
    """One engine's names, as read from one stated version of it."""

    name: str
    read_from: str
    series: Mapping[Recorded, Selector]


BUSYSIGNAL = Engine(
    name="busysignal",
    read_from="this repository",
    series={
        neutral.QUEUE_DEPTH: requests.QUEUE_DEPTH.value,
        neutral.QUEUE_WAIT_P99: requests.QUEUE_WAIT.bucket,
        neutral.RUNNING: engine.RUNNING.value,
        neutral.KV_CACHE_USAGE: engine.KV_CACHE_USAGE.value,
        neutral.PREEMPTION_RATE: engine.PREEMPTIONS.total,
        neutral.PROMPT_TOKEN_RATE: requests.PROMPT_TOKENS.total,
        neutral.GENERATED_TOKEN_RATE: requests.GENERATED_TOKENS.total,
    },
)
VLLM = Engine(
    name="vllm",
    read_from="vLLM 0.33, vllm/v1/metrics/loggers.py",
    series={
        neutral.QUEUE_DEPTH: foreign.VLLM_WAITING.value,
        neutral.QUEUE_WAIT_P99: foreign.VLLM_QUEUE_TIME.bucket,
        neutral.RUNNING: foreign.VLLM_RUNNING.value,
        neutral.KV_CACHE_USAGE: foreign.VLLM_KV_CACHE.value,
        neutral.PREEMPTION_RATE: foreign.VLLM_PREEMPTIONS.total,
        neutral.PROMPT_TOKEN_RATE: foreign.VLLM_PROMPT_TOKENS.total,
        neutral.GENERATED_TOKEN_RATE: foreign.VLLM_GENERATION_TOKENS.total,
    },
)

ENGINES = (BUSYSIGNAL, VLLM)
"""In order of preference: where a replica shows both, the first one counts."""


def names_of(signal: Recorded) -> tuple[Selector, ...]:
    """Every engine's series for a neutral signal, on the replicas' own targets."""
    return tuple(
        known.series[signal].where(job=REPLICA) for known in ENGINES if signal in known.series
    )
