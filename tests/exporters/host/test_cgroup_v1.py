from __future__ import annotations

import pytest

from exporters.host.cgroup_v1 import parse
from exporters.host.reading import Cgroup

STAT = "nr_periods 400\nnr_throttled 30\nthrottled_time 1500000000\nnr_bursts 0\nburst_time 0\n"


def test_every_file_is_read_in_base_units():
    files = {
        "cpuacct.usage": "81250000000\n",
        "cpu.stat": STAT,
        "cpu.cfs_quota_us": "50000\n",
        "cpu.cfs_period_us": "100000\n",
        "memory.usage_in_bytes": "734003200\n",
        "memory.limit_in_bytes": "1073741824\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    }

    assert parse(files) == Cgroup(
        cpu_usage=81.25,
        cpu_throttled=1.5,
        cpu_periods=400,
        cpu_throttled_periods=30,
        cpu_quota=0.5,
        memory_used=734_003_200,
        memory_limit=1_073_741_824,
        oom_kills=1,
    )


@pytest.mark.parametrize("page", [4096, 16384, 65536])
def test_the_largest_whole_number_of_pages_is_no_limit(page):
    unlimited = (2**63 - 1) // page * page

    assert parse({"memory.limit_in_bytes": str(unlimited)}) == Cgroup()


def test_a_quota_of_minus_one_is_no_quota():
    assert parse({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}) == Cgroup()


def test_no_files_say_nothing():
    assert parse({}) == Cgroup()
