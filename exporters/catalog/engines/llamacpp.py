"""llama-server's names (llama.cpp); it must be started with `--metrics`.

Traps: no label, no histogram, no error or finish counter, so latency and outcomes must come from
the gateway; `prompt_tokens_total` leaves cached tokens out; the gauges named `..._seconds` are
tokens per second over a window that every scrape resets, and are not read; the scrape itself waits
for the work loop, seconds under load.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge

RUNNING = Gauge(name="llamacpp:requests_processing", help="Slots in use.", unit="requests")
WAITING = Gauge(name="llamacpp:requests_deferred", help="Requests waiting.", unit="requests")
PROMPT_TOKENS = Counter(
    name="llamacpp:prompt_tokens", help="Prefilled tokens, cached ones left out.", unit="tokens"
)
CACHED_TOKENS = Counter(
    name="llamacpp:prompt_tokens_cached",
    help="Prompt tokens found in the cache.",
    unit="tokens",
)
GENERATED_TOKENS = Counter(
    name="llamacpp:tokens_predicted", help="Generated tokens.", unit="tokens"
)
GENERATED_SECONDS = Counter(
    name="llamacpp:tokens_predicted_seconds", help="Time spent generating.", unit="seconds"
)

LLAMACPP = Engine(
    name="llamacpp",
    read_from="llama.cpp b11434, tools/server/README.md",
    recorded="llama-server b11434",
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=WAITING.value),),
        neutral.RUNNING: (Alias(series=RUNNING.value),),
        neutral.PROMPT_TOKEN_RATE: (
            Alias(series=PROMPT_TOKENS.total, plus=(CACHED_TOKENS.total,)),
        ),
        neutral.CACHED_TOKEN_RATE: (Alias(series=CACHED_TOKENS.total, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=GENERATED_TOKENS.total),),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(series=GENERATED_SECONDS.total, per=GENERATED_TOKENS.total),
        ),
    },
    signals=(
        RUNNING, WAITING, PROMPT_TOKENS, CACHED_TOKENS, GENERATED_TOKENS, GENERATED_SECONDS,
    ),
)  # fmt: skip
