from __future__ import annotations

import pytest

from tests.alerts.places import GATEWAY, OK, ON_CHAT, REPLICA, STARTED, tell

ROWS = {
    "RateLimitShareHigh": (
        {
            OK: "0+10x200",
            STARTED: "0+10x200",
            f'llm_requests_rejected_total{{{GATEWAY},model="m",reason="rate_limit"}}': (
                "0x20 0+1x60 60x120"
            ),
        },
        {"service": "chat"},
        {
            "description": "10% of requests to chat are refused with 429; 5% is the limit.",
            "query": 'llm:requests_rejected:rate{reason="rate_limit",service="chat"}',
            **ON_CHAT,
        },
    ),
    "RetryShareHigh": (
        {
            OK: "0+10x200",
            STARTED: "0+10x200",
            f'llm_requests_resent_total{{{GATEWAY},model="m"}}': "0x20 0+4x60 240x120",
        },
        {"service": "chat"},
        {
            "description": "40% of arrivals at chat are retries; 20% is the limit.",
            "query": 'llm:requests_resent:ratio{service="chat"}',
            **ON_CHAT,
        },
    ),
    "UpstreamSlow": (
        {
            f'llm_upstream_duration_seconds_sum{{{GATEWAY},upstream="features",outcome="ok"}}': (
                "0+0.2x20 4+4x60 244+0.2x120"
            ),
            f'llm_upstream_duration_seconds_count{{{GATEWAY},upstream="features",outcome="ok"}}': (
                "0+10x200"
            ),
        },
        {"service": "chat", "upstream": "features"},
        {
            "description": "Calls from chat to features take 400ms on average; 0.2 s is the limit.",
            "query": (
                'llm:upstream_duration_seconds:mean{service="chat",upstream="features"}'
            ),
            **ON_CHAT,
        },
    ),
    "KVCacheFull": (
        {f'llm_kv_cache_usage_ratio{{{REPLICA},model="m"}}': "0.5x20 0.97x60 0.5x120"},
        {"service": "chat", "replica": "r1"},
        {
            "description": "97% of the KV cache of r1 of chat is in use; 95% is the limit.",
            "query": 'llm:kv_cache_usage:ratio{service="chat",replica="r1"}',
            **ON_CHAT,
        },
    ),
    "ReplicaEjected": (
        {f'llm_replica_ejected{{{GATEWAY},replica="r1"}}': "0x20 1x60 0x120"},
        {"service": "chat", "replica": "r1"},
        {
            "description": "r1 of chat takes no traffic.",
            "query": 'llm:replica_ejected{service="chat",replica="r1"}',
            **ON_CHAT,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_warning_of_a_service_is_silent_before_speaks_during_and_ends_after(story, name):
    tell(story, name, ROWS[name])
