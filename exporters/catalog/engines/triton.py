"""Triton's names, with those of its TensorRT-LLM backend.

Triton counts times in microseconds and has no histogram of whole requests, so no quantile can be
had. Where the TensorRT-LLM backend runs, its own gauges come first: `scheduled` is the batch.
"""

from __future__ import annotations

from exporters.catalog import neutral
from exporters.catalog.engines.alias import Alias, Engine
from exporters.catalog.signal import Counter, Gauge

LABELS = ("model", "version")

PENDING = Gauge(
    name="nv_inference_pending_request_count",
    help="Requests waiting for a backend.",
    labels=LABELS,
    unit="requests",
)
SUCCEEDED = Counter(
    name="nv_inference_request_success",
    help="Successful requests.",
    labels=LABELS,
    unit="requests",
    suffix="",
)
FAILED = Counter(
    name="nv_inference_request_failure",
    help="Failed requests by reason.",
    labels=(*LABELS, "reason"),
    unit="requests",
    suffix="",
)
BACKEND_REQUESTS = Gauge(
    name="nv_trt_llm_request_metrics",
    help="Requests of the TensorRT-LLM backend by state.",
    labels=(*LABELS, "request_type"),
    unit="requests",
)
BACKEND_KV_CACHE = Gauge(
    name="nv_trt_llm_kv_cache_block_metrics",
    help="KV-cache blocks of the TensorRT-LLM backend; `fraction` is the share in use.",
    labels=(*LABELS, "kv_cache_block_type"),
)

TRITON = Engine(
    name="triton",
    read_from=(
        "Triton server of 2026-08-19, docs/user_guide/metrics.md; tensorrtllm_backend of 2026-07-14"
    ),
    recorded=None,
    aliases={
        neutral.QUEUE_DEPTH: (
            Alias(series=BACKEND_REQUESTS.value.where(request_type="waiting"), late=True),
            Alias(series=PENDING.value, late=True),
        ),
        neutral.RUNNING: (
            Alias(series=BACKEND_REQUESTS.value.where(request_type="scheduled"), late=True),
        ),
        neutral.KV_CACHE_USAGE: (
            Alias(series=BACKEND_KV_CACHE.value.where(kv_cache_block_type="fraction"), late=True),
        ),
        neutral.REPLICA_FINISHED_RATE: (Alias(series=SUCCEEDED.total, plus=(FAILED.total,)),),
        neutral.REPLICA_REFUSED_RATE: (
            Alias(series=FAILED.total.where(reason="REJECTED"), late=True),
        ),
    },
    signals=(PENDING, SUCCEEDED, FAILED, BACKEND_REQUESTS, BACKEND_KV_CACHE),
)
