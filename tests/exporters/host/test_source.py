from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.exposition import Exposition
from exporters.host import HostSource, where
from tests.exporters.host.trees import UNIFIED_MOUNT, V2_MOUNT, Tree, v1_mounts

PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 total=9\n"


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def series(text):
    """Value by series name, with a resource's name behind it."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(tree):
    return series(HostSource(tree.proc, tree.cgroups).collect_text())


def process():
    return {
        "process_cpu_seconds_total": 300 / os.sysconf("SC_CLK_TCK"),
        "process_resident_memory_bytes": 25_600 * os.sysconf("SC_PAGE_SIZE"),
    }


def test_a_process_on_v2_tells_all_of_its_cgroup(tree):
    tree.process("0::/llm\n", V2_MOUNT.format(root="/"))
    stat = "usage_usec 9000000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500000\n"
    tree.group(
        "llm",
        {
            "cpu.stat": stat,
            "cpu.max": "200000 100000\n",
            "memory.current": "4096\n",
            "memory.max": "8192\n",
            "memory.events": "oom 1\noom_kill 2\n",
            "cpu.pressure": PRESSURE.format(1_500_000),
            "memory.pressure": PRESSURE.format(0),
            "io.pressure": PRESSURE.format(250_000),
        },
    )

    assert told(tree) == process() | {
        "cgroup_cpu_usage_seconds_total": 9.0,
        "cgroup_cpu_throttled_seconds_total": 2.5,
        "cgroup_cpu_periods_total": 40,
        "cgroup_cpu_throttled_periods_total": 10,
        "cgroup_cpu_quota_cores": 2.0,
        "cgroup_memory_used_bytes": 4096,
        "cgroup_memory_limit_bytes": 8192,
        "cgroup_oom_kills_total": 2,
        "cgroup_pressure_waiting_seconds_total cpu": 1.5,
        "cgroup_pressure_waiting_seconds_total memory": 0.0,
        "cgroup_pressure_waiting_seconds_total io": 0.25,
    }


def test_no_limit_and_no_file_have_no_series(tree):
    tree.process("0::/\n", V2_MOUNT.format(root="/"))
    tree.group("", {"cpu.max": "max 100000\n", "memory.max": "max\n", "memory.current": "4096\n"})

    assert told(tree) == process() | {"cgroup_memory_used_bytes": 4096}


def test_on_a_hybrid_host_v2_adds_only_what_v1_does_not_manage(tree):
    tree.process("2:cpuacct:/llm\n1:cpu:/\n0::/\n", v1_mounts("cpu", "cpuacct") + UNIFIED_MOUNT)
    tree.group("cpu", {"cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"})
    tree.group("cpuacct/llm", {"cpuacct.usage": "1000000000\n"})
    tree.group(
        "unified",
        {
            "cpu.stat": "usage_usec 777000000\nnr_throttled 7\n",
            "cpu.max": "50000 100000\n",
            "cpu.pressure": PRESSURE.format(2_000_000),
        },
    )

    assert told(tree) == process() | {
        "cgroup_cpu_usage_seconds_total": 1.0,
        "cgroup_cpu_throttled_seconds_total": 0.0,
        "cgroup_cpu_periods_total": 0,
        "cgroup_cpu_throttled_periods_total": 0,
        "cgroup_pressure_waiting_seconds_total cpu": 2.0,
    }


def test_a_process_that_is_moved_tells_of_its_new_cgroup(tree):
    source = HostSource(tree.proc, tree.cgroups)
    for name, used in (("one", "1\n"), ("two", "2\n")):
        tree.group(name, {"memory.current": used})
        tree.process(f"0::/{name}\n", V2_MOUNT.format(root="/"))
        assert series(source.collect_text())["cgroup_memory_used_bytes"] == float(used)


def test_without_proc_the_source_is_empty_and_the_page_whole(tmp_path):
    source = HostSource(tmp_path / "proc", tmp_path)

    assert source.collect_text() == ""
    assert b"process_start_time_seconds" in Exposition(source).render()


def test_files_that_cannot_be_read_leave_the_others_alone(tree):
    tree.process("0::/llm\n", V2_MOUNT.format(root="/"))
    group = tree.group("llm", {"memory.current": "4096\n"})
    (group / "cpu.stat").mkdir()
    (group / "memory.max").write_bytes(b"\xff\xfe")
    (tree.proc / "self/stat").write_text("cut off (name) S 1")

    assert told(tree) == {"cgroup_memory_used_bytes": 4096}


def test_this_process_tells_its_own_memory_and_cpu():
    status = Path("/proc/self/status").read_text()
    resident = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS")) * 1024

    found = series(HostSource().collect_text())

    assert found["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.1)
    assert 0 < found["process_cpu_seconds_total"] <= sum(os.times()[:2]) + 0.1


def test_a_real_v1_host_is_read():
    spots = where.find().v1
    if not {"cpuacct", "memory"} <= set(spots):
        pytest.skip("this host has no cgroup v1 with cpuacct and memory")
    before = int((spots["cpuacct"].folder / "cpuacct.usage").read_text()) / 1e9

    found = series(HostSource().collect_text())

    assert before <= found["cgroup_cpu_usage_seconds_total"] <= before + 60
    assert found["cgroup_memory_used_bytes"] > 0
    assert found["cgroup_oom_kills_total"] >= 0


def test_another_process_is_told_of_by_its_pid():
    program = "print('up', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as other:
        assert other.stdout.readline() == b"up\n"
        found = series(HostSource(pid=other.pid).collect_text())
        pages = int(Path(f"/proc/{other.pid}/statm").read_text().split()[1])
        other.communicate(b"\n")

    told = found["process_resident_memory_bytes"]
    assert told == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.2)
    assert told != series(HostSource().collect_text())["process_resident_memory_bytes"]
    gone = series(HostSource(pid=other.pid).collect_text())
    assert "process_cpu_seconds_total" not in gone
