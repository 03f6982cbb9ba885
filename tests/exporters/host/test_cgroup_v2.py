from __future__ import annotations

from exporters.host.cgroup_v2 import parse
from exporters.host.reading import Cgroup

STAT = """\
usage_usec 81250000
user_usec 60000000
system_usec 21250000
nr_periods 400
nr_throttled 30
throttled_usec 1500000
nr_bursts 0
burst_usec 0
"""
EVENTS = "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"
PRESSURE = """\
some avg10=1.25 avg60=0.50 avg300=0.10 total=2500000
full avg10=0.00 avg60=0.00 avg300=0.00 total=1000000
"""


def test_every_file_is_read_in_base_units():
    files = {
        "cpu.stat": STAT,
        "cpu.max": "150000 100000\n",
        "memory.current": "734003200\n",
        "memory.max": "1073741824\n",
        "memory.events": EVENTS,
        "cpu.pressure": PRESSURE,
        "memory.pressure": PRESSURE.replace("2500000", "0"),
    }

    assert parse(files) == Cgroup(
        cpu_usage=81.25,
        cpu_throttled=1.5,
        cpu_periods=400,
        cpu_throttled_periods=30,
        cpu_quota=1.5,
        memory_used=734_003_200,
        memory_limit=1_073_741_824,
        oom_kills=1,
        pressure={"cpu": 2.5, "memory": 0.0},
    )


def test_max_is_no_limit_rather_than_a_number():
    assert parse({"cpu.max": "max 100000", "memory.max": "max"}) == Cgroup()


def test_no_files_say_nothing():
    assert parse({}) == Cgroup()


def test_without_the_cpu_controller_usage_alone_is_known():
    assert parse({"cpu.stat": "usage_usec 1000000\nuser_usec 1\n"}) == Cgroup(cpu_usage=1.0)


def test_what_is_not_as_documented_says_nothing():
    nonsense = dict.fromkeys(
        ("cpu.stat", "cpu.max", "memory.current", "memory.events", "io.pressure"), "some words x"
    )

    assert parse(nonsense) == Cgroup()
    assert parse({"cpu.max": "100000 0"}) == Cgroup()
    assert parse({"cpu.max": "100000"}) == Cgroup()
