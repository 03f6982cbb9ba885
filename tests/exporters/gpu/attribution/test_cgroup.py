"""Paths as container runtimes make them, and the container each names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.gpu.attribution.cgroup import Container, parse, parse_path

ID = "0f" * 32
OTHER = "ab" * 32
UID = "1a2b3c4d-0001-4002-8003-112233445566"
UID_ = UID.replace("-", "_")
STATIC = "d" * 32
KUBEPODS = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice"

PATHS = {
    f"/docker/{ID}": Container(ID, "docker"),
    f"/system.slice/docker-{ID}.scope": Container(ID, "docker"),
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope": Container(
        ID, "docker"
    ),
    f"/system.slice/nerdctl-{ID}.scope": Container(ID, "containerd"),
    f"{KUBEPODS}/cri-containerd-{ID}.scope": Container(ID, "containerd", UID),
    f"{KUBEPODS}/docker-{ID}.scope": Container(ID, "docker", UID),
    f"{KUBEPODS}/crio-{ID}.scope": Container(ID, "cri-o", UID),
    f"{KUBEPODS}/crio-{ID}.scope/container": Container(ID, "cri-o", UID),
    f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope": Container(
        ID, "containerd", UID
    ),
    f"/kubepods/burstable/pod{UID}/{ID}": Container(ID, "unknown", UID),
    f"/kubepods/pod{UID}/{ID}": Container(ID, "unknown", UID),
    f"/kubepods/besteffort/pod{STATIC}/{ID}": Container(ID, "unknown", STATIC),
    f"/kubepods/burstable/pod{UID}/crio-{ID}": Container(ID, "cri-o", UID),
    f"/system.slice/containerd.service/kubepods-besteffort-pod{UID_}.slice:cri-containerd:{ID}": (
        Container(ID, "containerd", UID)
    ),
    f"/machine.slice/libpod-{ID}.scope": Container(ID, "podman"),
    f"/machine.slice/libpod-{ID}.scope/container": Container(ID, "podman"),
    f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope/container": Container(
        ID, "podman"
    ),
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container": (
        Container(ID, "podman")
    ),
    f"/libpod_parent/libpod-{ID}": Container(ID, "podman"),
    f"/ecs/0123456789abcdef/{ID}": Container(ID, "unknown"),
    # a node that is a container itself (kind), and Docker inside a pod: the innermost counts
    f"/docker/{OTHER}/kubelet/kubepods/pod{UID}/{ID}": Container(ID, "unknown", UID),
    f"{KUBEPODS}/cri-containerd-{OTHER}.scope/docker/{ID}": Container(ID, "docker"),
    f"/../../system.slice/docker-{ID}.scope": Container(ID, "docker"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_names_the_container_and_its_pod(path: str):
    assert parse_path(path) == PATHS[path]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/init.scope",
        "/user.slice/user-0.slice/session-3.scope",
        "/system.slice/prometheus.service",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/system.slice/crio-conmon-{ID}.scope",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/kubepods/burstable/pod{UID}",
        "/lxc.payload.web/system.slice",
    ],
)
def test_a_path_without_a_container_names_none(path: str):
    assert parse_path(path) is None


def test_version_1_has_a_line_for_each_controller():
    text = f"12:pids:/\n4:memory:/docker/{ID}\n3:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/\n0::/\n"

    assert parse(text) == Container(ID, "docker")


def test_version_2_has_one_line_and_a_colon_in_it_is_the_paths_own():
    path = f"/system.slice/containerd.service/kubepods-pod{UID_}.slice:cri-containerd:{ID}"

    assert parse(f"0::{path}\n") == Container(ID, "containerd", UID)


@given(st.text(alphabet="/0af-:._\npodcrilb", max_size=400))
def test_whatever_it_reads_it_finds_a_whole_id_or_nothing(text: str):
    found = parse(text)

    assert found is None or (len(found.id) == 64 and found.id in text)
