"""Our own names, for a replica that carries this project's exporter."""

from __future__ import annotations

from exporters.catalog import engine, neutral, requests
from exporters.catalog.engines.alias import Alias, Engine

SERVED_DURATION = requests.REQUEST_DURATION_BY_OUTCOME.bucket.where(outcome=requests.SERVED)

BUSYSIGNAL = Engine(
    name="busysignal",
    read_from="this repository",
    recorded="this repository",
    aliases={
        neutral.QUEUE_DEPTH: (Alias(series=requests.QUEUE_DEPTH.value, late=True),),
        neutral.QUEUE_WAIT_P99: (Alias(series=requests.QUEUE_WAIT.bucket, late=True),),
        neutral.RUNNING: (Alias(series=engine.RUNNING.value),),
        neutral.KV_CACHE_USAGE: (Alias(series=engine.KV_CACHE_USAGE.value),),
        neutral.PREEMPTION_RATE: (Alias(series=engine.PREEMPTIONS.total),),
        neutral.PROMPT_TOKEN_RATE: (Alias(series=requests.PROMPT_TOKENS.total, late=True),),
        neutral.GENERATED_TOKEN_RATE: (Alias(series=requests.GENERATED_TOKENS.total, late=True),),
        neutral.CACHED_TOKEN_RATE: (Alias(series=requests.CACHED_TOKENS.total, late=True),),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=requests.REQUESTS.total, late=True),),
        neutral.REPLICA_REFUSED_RATE: (Alias(series=requests.REQUESTS_REJECTED.total, late=True),),
        neutral.REPLICA_DURATION_P99: (Alias(series=SERVED_DURATION, late=True),),
        neutral.REPLICA_FIRST_TOKEN_P99: (
            Alias(series=requests.TIME_TO_FIRST_TOKEN.bucket, late=True),
        ),
        neutral.REPLICA_INTER_TOKEN_MEAN: (
            Alias(
                series=requests.INTER_TOKEN_LATENCY.sum,
                per=requests.INTER_TOKEN_LATENCY.count,
                late=True,
            ),
        ),
    },
)
