from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path

import psutil
import pytest

from demo.cgroup import ProcessCgroup, weight
from demo.service.config import NICENESS
from exporters.errors import ServerMissingError
from exporters.host import where
from tests.exporters.host.trees import V2_MOUNT, Tree, v1_mounts

PID = 4242


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def made(tree):
    return ProcessCgroup("busysignal-run-vega", PID, proc=tree.proc, cgroups=tree.cgroups).folders


def mark_delegated(folder):
    try:
        os.setxattr(folder, "user.delegate", b"1")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error.strerror}")


def handing_on(controllers):
    return {"cgroup.procs": "", "cgroup.subtree_control": controllers}


def test_at_the_root_of_v2_a_process_gets_a_cgroup_below_it(tree):
    tree.group("", handing_on("cpu io memory\n"))
    tree.process("0::/\n", V2_MOUNT.format(root="/"))

    (folder,) = made(tree)

    assert folder == tree.cgroups / "busysignal-run-vega"
    assert (folder / "cgroup.procs").read_text() == f"{PID}\n"


def test_where_v2_hands_no_controllers_on_a_process_stays(tree):
    tree.group("", handing_on("pids\n"))
    tree.process("0::/\n", V2_MOUNT.format(root="/"))

    assert made(tree) == ()


def test_nothing_moves_out_of_a_cgroup_that_is_anothers(tree):
    tree.group("", handing_on("cpu memory\n"))
    tree.group("session.scope", handing_on("cpu memory\n"))
    tree.group("memory/box", {})
    tree.process(
        "4:memory:/box\n0::/session.scope\n", v1_mounts("memory") + V2_MOUNT.format(root="/")
    )

    assert made(tree) == ()


def test_in_a_delegated_subtree_the_nearest_part_with_controllers_is_divided(tree):
    tree.group("", handing_on("cpu memory\n"))
    mark_delegated(tree.group("user", handing_on("cpu memory\n")))
    slice_ = tree.group("user/app", handing_on("cpu memory\n"))
    tree.group("user/app/terminal", handing_on(""))
    tree.process("0::/user/app/terminal\n", V2_MOUNT.format(root="/"))

    assert made(tree) == (slice_ / "busysignal-run-vega",)


def test_a_cgroup_of_the_same_name_is_left_to_whoever_made_it(tree):
    tree.group("", handing_on("cpu memory\n"))
    tree.group("busysignal-run-vega", {})
    tree.process("0::/\n", V2_MOUNT.format(root="/"))

    assert made(tree) == ()


def test_controllers_mounted_together_share_one_cgroup(tree):
    tree.group("cpu,cpuacct", {})
    tree.group("memory", {})
    tree.process("5:cpu,cpuacct:/\n4:memory:/\n", v1_mounts("cpu,cpuacct", "memory"))

    assert [folder.parent.name for folder in made(tree)] == ["cpu,cpuacct", "memory"]


def test_a_cgroup_weighs_what_its_two_busy_threads_would():
    assert round(1024 * weight(5)) == 671
    assert weight(-10) / weight(0) == pytest.approx(1.25**10)
    assert weight(24) == weight(19)


def test_a_process_that_ended_leaves_no_cgroup_behind(sleeper):
    sleeper.kill()
    sleeper.wait()
    name = f"busysignal-{uuid.uuid4().hex}"

    cgroup = ProcessCgroup(name, sleeper.pid)

    assert cgroup.folders == ()
    assert not list(where.CGROUPS.glob(f"*/{name}"))


def test_on_v2_a_quota_is_written_beside_its_period(tree):
    tree.group("", handing_on("cpu memory\n"))
    tree.process("0::/\n", V2_MOUNT.format(root="/"))
    cgroup = ProcessCgroup("busysignal-run-vega", PID, proc=tree.proc, cgroups=tree.cgroups)
    (cgroup.folders[0] / "cpu.max").touch()

    cgroup.limit_cpu(0.25)

    assert (cgroup.folders[0] / "cpu.max").read_text() == "25000 100000\n"


def test_without_a_cgroup_the_error_says_how_to_get_one(tree):
    tree.process("0::/elsewhere\n", "")
    cgroup = ProcessCgroup("busysignal-run-vega", PID, proc=tree.proc, cgroups=tree.cgroups)

    with pytest.raises(ServerMissingError, match="run as root"):
        cgroup.limit_cpu(0.25)


def test_a_real_process_gets_no_more_than_its_quota():
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as burner:
        cgroup = ProcessCgroup(f"busysignal-{uuid.uuid4().hex}", burner.pid)
        if not cgroup.folders:
            burner.kill()
            pytest.skip("no cgroups can be made here")
        cgroup.limit_cpu(0.1)
        process = psutil.Process(burner.pid)
        process.cpu_percent()
        time.sleep(1.0)
        used = process.cpu_percent() / 100
        burner.kill()
    cgroup.remove()

    assert used < 0.2


def test_a_real_process_is_moved_keeps_its_weight_and_its_cgroup_goes_with_it(sleeper):
    name = f"busysignal-{uuid.uuid4().hex}"
    cgroup = ProcessCgroup(name, sleeper.pid)
    if not cgroup.folders:
        pytest.skip("no cgroups can be made here")
    paths = where.parse_paths(Path(f"/proc/{sleeper.pid}/cgroup").read_text())
    weights = [path for folder in cgroup.folders for path in folder.glob("cpu.shares")]

    assert f"/{name}" in paths.values()
    expected = round(1024 * weight(os.nice(0) + NICENESS))
    assert all(int(path.read_text()) == max(expected, 2) for path in weights)

    cgroup.remove()
    assert all(folder.exists() for folder in cgroup.folders)
    sleeper.kill()
    sleeper.wait()
    cgroup.remove()
    assert not any(folder.exists() for folder in cgroup.folders)
