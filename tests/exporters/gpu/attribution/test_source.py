"""From processes on a device to the series of their containers and pods."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.gpu.attribution import Attribution, Places
from exporters.gpu.exporter import GpuExporter
from exporters.gpu.nvml import Nvml, Process, Usage
from exporters.gpu.snapshot import Device, Identity, Readings, Snapshot
from tests.devices import Scenario
from tests.exporters.gpu.pages import Clock, samples
from tests.golden import Golden

A, B = "a1" * 32, "b2" * 32
UID = "1a2b3c4d-0001-4002-8003-112233445566"
POD = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
GIB = float(1 << 30)


class Node:
    """The host's side as files: /proc and the kubelet's links."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder / "proc", folder / "containers", folder / "kubelet.sock")
        self.devices: tuple[Device, ...] = ()
        self.clock = Clock()
        self.attribution = Attribution(self.places, self.clock)
        self.attribution.follow(self.snapshot)

    def run(self, pid: int, name: str, cgroup: str, *, started: int = 1) -> None:
        folder = self.places.proc / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        fields = " ".join(["0"] * 18 + [str(started), "0"])
        (folder / "stat").write_text(f"{pid} (a) b) S {fields}\n")
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cgroup").write_text(f"0::{cgroup}\n")

    def link(self, pod: str, namespace: str, container: str, id_: str) -> None:
        self.places.log_links.mkdir(exist_ok=True)
        (self.places.log_links / f"{pod}_{namespace}_{container}-{id_}.log").touch()

    def use(self, *processes: Process, gpu: int = 0) -> None:
        readings = Readings(families={"processes": "supported"}, processes=processes)
        others = tuple(one for one in self.devices if one.index != gpu)
        self.devices = (*others, Device(gpu, Identity(f"GPU-{gpu}", "H100"), readings))

    def snapshot(self) -> Snapshot:
        return Snapshot("580", simulated=False, devices=self.devices)

    def passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.attribution.observe(self.snapshot())

    def page(self) -> str:
        text = self.attribution.collect_text()
        # who runs the tests is none of the golden file's business
        user = Path(self.places.proc).owner() if self.places.proc.exists() else ""
        return text.replace(f'user="{user}"', 'user="USER"')


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def busy(pid: int, sm: float, memory: float = GIB, kind: str = "compute") -> Process:
    return Process(pid, kind, memory, usage=Usage(sm=sm, memory=sm / 2, encoder=0.0))


def shared(node: Node) -> None:
    """Two containers on one device, one of them in a pod, and a process outside of any."""
    node.run(11, "python3", f"{POD}/cri-containerd-{A}.scope")
    node.run(12, "worker", f"{POD}/cri-containerd-{A}.scope")
    node.run(13, "train", f"/system.slice/docker-{B}.scope")
    node.run(14, "Xorg", "/user.slice")
    node.link("chat-0", "serving", "engine", A)
    node.use(busy(11, 0.5), busy(12, 0.25), busy(13, 0.125), busy(14, 0.0, kind="graphics"))
    node.passes(0)
    node.use(busy(11, 0.5), busy(12, 0.25), busy(13, 0.125), busy(14, 0.0, kind="graphics"))
    node.passes(10)


def test_the_page_of_a_shared_device_is_exactly_this(node: Node, golden: Golden):
    shared(node)

    golden.check("shared.txt", node.page())


def test_promtool_finds_nothing_to_say(node: Node, promtool: Path):
    shared(node)

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=node.page(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


def test_a_pass_that_is_looked_at_twice_counts_once(node: Node):
    shared(node)
    node.passes(10)
    node.passes(10)

    assert samples(node.page())["gpu_process_sm_seconds_total gpu=0 pid=11"] == 5.0


def test_the_time_of_a_container_outlives_its_process_and_that_of_the_process_does_not(node: Node):
    shared(node)
    node.use(busy(12, 0.5))
    node.passes(10)

    found = samples(node.page())

    assert found[f"gpu_container_sm_seconds_total gpu=0 container={A}"] == 12.5
    assert "gpu_process_sm_seconds_total gpu=0 pid=11" not in found
    node.clock.now += 601
    node.use()
    node.passes(1)
    assert "container_sm_seconds" not in node.page()


def test_a_device_that_does_not_answer_tells_nothing_of_who_uses_it(node: Node):
    shared(node)
    node.devices = (Device(0),)
    node.passes(1)

    found = [name for name in samples(node.page()) if "gpu=0" in name.split()]

    assert {name.partition(" ")[0] for name in found} <= {
        "gpu_process_sm_seconds_total",
        "gpu_container_sm_seconds_total",
    }


def test_a_process_in_two_lists_is_one_with_its_memory_once(node: Node):
    node.run(11, "render", f"/docker/{A}")
    node.use(busy(11, 0.5), busy(11, 0.5, kind="graphics"))

    found = samples(node.page())

    assert found[f"gpu_container_memory_used_bytes gpu=0 container={A}"] == GIB
    assert found[f"gpu_container_processes gpu=0 container={A}"] == 1
    assert found[f"gpu_container_sm_utilization_ratio gpu=0 container={A}"] == 0.5


def test_a_pid_that_lives_again_is_somebody_else(node: Node):
    node.run(11, "old", f"/docker/{A}")
    node.use(busy(11, 0.5))
    before = node.page()
    node.run(11, "new", f"/docker/{B}", started=2)

    after = node.page()

    assert f'name="old",user="USER",container="{A}"' in before
    assert f'name="new",user="USER",container="{B}"' in after


def test_processes_of_another_pid_namespace_are_counted_but_have_no_identity(node: Node):
    node.use(busy(11, 0.5))

    found = samples(node.page())

    assert found["gpu_attribution_up source=proc"] == 0
    assert found["gpu_process_memory_used_bytes gpu=0 pid=11 kind=compute"] == GIB
    assert not any(name.startswith("gpu_process_info") for name in found)


def test_what_the_driver_does_not_tell_of_a_process_has_no_series(node: Node):
    node.run(11, "python3", f"/docker/{A}")
    node.use(Process(11, "compute", None, gpu_instance=3))
    node.passes(1)

    found = {name.partition(" ")[0] for name in samples(node.page())}

    assert found == {
        "gpu_processes", "gpu_process_info", "gpu_process_mig_info", "gpu_container_info",
        "gpu_container_processes", "gpu_attribution_up",
    }  # fmt: skip


def test_a_device_whose_processes_are_denied_has_no_number_of_them(node: Node):
    node.devices = (
        Device(0, Identity("GPU-0", "H100"), Readings(families={"processes": "denied"})),
    )

    assert node.page() == ""


def test_a_link_made_later_names_a_container_that_was_nameless(node: Node):
    node.run(11, "python3", f"{POD}/cri-containerd-{A}.scope")
    node.link("other", "ns", "c", B)
    node.use(busy(11, 0.5))
    before = samples(node.page())
    node.link("chat-0", "serving", "engine-a_b", A)

    after = samples(node.page())

    runs = f"gpu_container_info container={A} runtime=containerd"
    assert before[f"{runs} name= pod= namespace= pod_uid={UID}"] == 1
    assert before["gpu_attribution_up source=log_links"] == 0
    assert after[f"{runs} name=engine-a_b pod=chat-0 namespace=serving pod_uid={UID}"] == 1
    assert after["gpu_attribution_up source=log_links"] == 1


def test_unmodified_pynvml_and_the_real_proc_lead_to_the_same_page(
    nvml_library: Path, scenario: Callable[..., Scenario], tmp_path: Path
):
    scenario("h100", "[gpu 0]", "Process.0 = pid=self memory=1073741824 sm=40 mem=10 enc=0")
    nvml = Nvml(nvml_library)
    places = Places(log_links=tmp_path / "none", pod_resources=tmp_path / "none")
    attribution = Attribution(places)
    exporter = GpuExporter(nvml, after_pass=attribution.observe)
    attribution.follow(exporter.snapshot)
    counted = r"gpu_process_sm_seconds_total{.*} (?!0.0\n)"
    deadline = time.monotonic() + 60
    while not re.search(counted, page := attribution.collect_text()):
        assert time.monotonic() < deadline, page
        exporter.sample()
        time.sleep(0.05)

    found = samples(page)
    exporter.close()
    nvml.close()
    named = [name for name in found if name.startswith("gpu_process_info gpu=0")]
    assert len(named) == 1
    assert found["gpu_attribution_up source=proc"] == 1
