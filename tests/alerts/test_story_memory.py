from __future__ import annotations

from tests.alerts.conftest import Fires

REPLICA = 'job="replica",instance="r1:8000",service="chat",replica="r1"'
RESIDENT = f"process_resident_memory_bytes{{{REPLICA}}}"
LIMIT = f"cgroup_memory_limit_bytes{{{REPLICA}}}"
HOST = 'node_memory_MemTotal_bytes{job="node",instance="n1:1",service="chat"}'
NAME = "ReplicaMemoryClimbs"
ABOUT = {"service": "chat", "replica": "r1"}
PAGE = Fires(
    ABOUT,
    {
        "description": "Memory of r1 of chat climbs and will be full within 6 hours.",
        "query": 'llm:replica_memory_bytes{service="chat",replica="r1"}',
        "dashboard_url": "http://127.0.0.1:3000/d/busysignal-service?var-service=chat",
    },
)


def test_memory_that_will_be_full_within_hours_pages_until_it_stops(story):
    series = {RESIDENT: "400+0x60 400+2x120 640+0x200", LIMIT: "1500+0x400"}

    story.alerts(
        series,
        ("14m", NAME, []),
        ("30m", NAME, [PAGE]),
        ("70m", NAME, []),
    )


def test_where_no_cgroup_limits_it_the_host_does(story):
    series = {RESIDENT: "400+0x60 400+2x200", HOST: "2000+0x400"}

    story.alerts(series, ("30m", NAME, [PAGE]))


def test_a_slow_climb_far_from_the_limit_pages_nobody(story):
    story.alerts({RESIDENT: "400+0.1x300", LIMIT: "1500+0x300"}, ("60m", NAME, []))


def test_a_model_that_is_loaded_is_no_trend(story):
    series = {RESIDENT: "10+0x40 10+60x20 1210+0x200", LIMIT: "1500+0x300"}

    story.alerts(series, *((f"{minute}m", NAME, []) for minute in range(10, 40, 2)))
