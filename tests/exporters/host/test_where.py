from __future__ import annotations

import pytest

from exporters.host.where import Place, Spot, find
from tests.exporters.host.trees import UNIFIED_MOUNT, V2_MOUNT, Tree, v1_mounts


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_a_service_on_v2_is_found_in_its_slice(tree):
    folder = tree.group("system.slice/llm.service", {"cpu.stat": ""})
    tree.process("0::/system.slice/llm.service\n", V2_MOUNT.format(root="/"))

    assert find(tree.proc, tree.cgroups) == Place(Spot("/system.slice/llm.service", folder))


def test_a_container_with_the_hosts_paths_finds_itself_at_its_mount(tree):
    tree.process("0::/docker/abc\n", V2_MOUNT.format(root="/docker/abc"))

    assert find(tree.proc, tree.cgroups).unified == Spot("/docker/abc", tree.cgroups)


def test_a_cgroup_outside_of_the_namespace_is_not_found(tree):
    tree.process("0::/../neighbour\n", V2_MOUNT.format(root="/"))

    assert find(tree.proc, tree.cgroups) == Place()


def test_a_cgroup_that_the_mount_does_not_show_is_not_found(tree):
    tree.process("0::/docker/other\n", V2_MOUNT.format(root="/docker/abc"))

    assert find(tree.proc, tree.cgroups) == Place()


def test_a_removed_cgroup_is_not_found(tree):
    tree.process("0::/gone (deleted)\n", V2_MOUNT.format(root="/"))

    assert find(tree.proc, tree.cgroups) == Place()


def test_on_v1_every_controller_has_its_place(tree):
    both = tree.group("cpu,cpuacct/docker/abc", {})
    memory = tree.group("memory", {})
    tree.process(
        "5:cpu,cpuacct:/docker/abc\n4:memory:/\n1:name=systemd:/init.scope\n",
        v1_mounts("cpu,cpuacct", "memory"),
    )

    assert find(tree.proc, tree.cgroups) == Place(
        None,
        {
            "cpu": Spot("/docker/abc", both),
            "cpuacct": Spot("/docker/abc", both),
            "memory": Spot("/", memory),
        },
    )


def test_on_a_hybrid_host_both_are_found(tree):
    memory, unified = tree.group("memory/a:b", {}), tree.group("unified", {})
    tree.process("4:memory:/a:b\n0::/\n", v1_mounts("memory") + UNIFIED_MOUNT)

    assert find(tree.proc, tree.cgroups) == Place(
        Spot("/", unified), {"memory": Spot("/a:b", memory)}
    )


@pytest.mark.parametrize("mountinfo", ["", "31 23 0:28 / / rw - ext4 /dev/vda rw\n", "garbage\n-"])
def test_without_mounted_cgroups_there_are_none(tree, mountinfo):
    tree.process("0::/\nnonsense\n", mountinfo)

    assert find(tree.proc, tree.cgroups) == Place()


def test_without_proc_there_are_none(tmp_path):
    assert find(tmp_path / "proc", tmp_path) == Place()
