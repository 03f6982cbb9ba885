"""Signals of who uses a GPU: processes, and the containers and pods they belong to.

Shared devices (MPS, time-slicing, MIG) are told apart by process, never by one value for all.
"""

from __future__ import annotations

from exporters.catalog.signal import Counter, Gauge

PROCESS_KINDS = ("compute", "graphics", "mps")
PROCESS_ENGINES = ("encoder", "decoder", "jpeg", "ofa")
ATTRIBUTION_SOURCES = ("proc", "log_links", "pod_resources")
"""/proc/PID/cgroup; the kubelet's links in /var/log/containers; its PodResources socket."""

GPU_PROCESSES = Gauge(
    name="gpu_processes",
    help="Processes that have a context on the device, by kind.",
    labels=("gpu", "kind"),
)
PROCESS_INFO = Gauge(
    name="gpu_process_info",
    help="Always 1; what a process on the device is, and the container it runs in.",
    labels=("gpu", "pid", "name", "user", "container"),
)
PROCESS_PLACE = Gauge(
    name="gpu_process_mig_info",
    help="Always 1; the MIG instance a process runs on.",
    labels=("gpu", "pid", "gpu_instance"),
)
PROCESS_MEMORY = Gauge(
    name="gpu_process_memory_used_bytes",
    help="Device memory in use by one process.",
    labels=("gpu", "pid", "kind"),
    unit="bytes",
)
PROCESS_SM = Gauge(
    name="gpu_process_sm_utilization_ratio",
    help="Share of the SMs' time that one process used over the interval.",
    labels=("gpu", "pid"),
    unit="ratio",
)
PROCESS_MEMORY_CONTROLLER = Gauge(
    name="gpu_process_memory_controller_utilization_ratio",
    help="Share of time in which one process read or wrote device memory.",
    labels=("gpu", "pid"),
    unit="ratio",
)
PROCESS_ENGINE = Gauge(
    name="gpu_process_engine_utilization_ratio",
    help="Share of the engines' time that one process used.",
    labels=("gpu", "pid", "engine"),
    unit="ratio",
)
PROCESS_SM_SECONDS = Counter(
    name="gpu_process_sm_seconds",
    help="SM time one process used since it was first seen: utilisation over time.",
    labels=("gpu", "pid"),
    unit="seconds",
)

CONTAINER_INFO = Gauge(
    name="gpu_container_info",
    help="Always 1; a container that uses a GPU: its runtime, name and pod.",
    labels=("container", "runtime", "name", "pod", "namespace", "pod_uid"),
)
CONTAINER_PROCESSES = Gauge(
    name="gpu_container_processes",
    help="Processes of the container on the device.",
    labels=("gpu", "container"),
)
CONTAINER_MEMORY = Gauge(
    name="gpu_container_memory_used_bytes",
    help="Device memory in use by the container's processes.",
    labels=("gpu", "container"),
    unit="bytes",
)
CONTAINER_SM = Gauge(
    name="gpu_container_sm_utilization_ratio",
    help="Share of the SMs' time that the container's processes used over the interval.",
    labels=("gpu", "container"),
    unit="ratio",
)
CONTAINER_SM_SECONDS = Counter(
    name="gpu_container_sm_seconds",
    help="SM time the container's processes used: utilisation over time.",
    labels=("gpu", "container"),
    unit="seconds",
)
POD_ALLOCATION = Gauge(
    name="gpu_pod_info",
    help="Always 1; the pod and container that the kubelet gave a device or MIG device to.",
    labels=("uuid", "namespace", "pod", "container"),
)
ATTRIBUTION_UP = Gauge(
    name="gpu_attribution_up",
    help="1 while a source of names works; 0 when it is there but does not answer.",
    labels=("source",),
    unit="boolean",
)

SIGNALS = (
    GPU_PROCESSES, PROCESS_INFO, PROCESS_PLACE, PROCESS_MEMORY, PROCESS_SM,
    PROCESS_MEMORY_CONTROLLER, PROCESS_ENGINE, PROCESS_SM_SECONDS, CONTAINER_INFO,
    CONTAINER_PROCESSES, CONTAINER_MEMORY, CONTAINER_SM, CONTAINER_SM_SECONDS, POD_ALLOCATION,
    ATTRIBUTION_UP,
)  # fmt: skip
