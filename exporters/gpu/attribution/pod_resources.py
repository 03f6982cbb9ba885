"""What the kubelet gave to which container, from its PodResources API (v1).

Messages: k8s.io/kubelet/pkg/apis/podresources/v1/api.proto. Devices of resource claims (DRA) are
not read: they name no UUID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from exporters.gpu.attribution.protobuf import fields

METHOD: Final = "/v1.PodResourcesLister/List"
TIMEOUT_SECONDS: Final = 5.0
UUIDS: Final = ("GPU-", "MIG-")
REPLICA: Final = "::"
"""What NVIDIA's device plugin puts between a UUID and the number of its time-slicing replica."""


class PodResourcesError(Exception):
    """The kubelet cannot be asked; the text says why."""


@dataclass(frozen=True, slots=True, order=True)
class Allocation:
    """A GPU or MIG device, by UUID, in the hands of a container."""

    uuid: str
    namespace: str
    pod: str
    container: str


def ask(path: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> frozenset[Allocation]:
    """All allocations on this node; raises PodResourcesError."""
    if find_spec("h2") is None:
        raise PodResourcesError("h2 is not installed; install busysignal[kubernetes]")
    from exporters.gpu.attribution.grpc_unary import (  # noqa: PLC0415  6 MiB, only where needed
        CallError,
        call,
    )

    try:
        return frozenset(parse(call(path, METHOD, b"", timeout_seconds)))
    except (CallError, ValueError) as error:
        raise PodResourcesError(f"{path}: {error}") from None


def parse(answer: bytes) -> Iterator[Allocation]:
    """Allocations in a ListPodResourcesResponse; raises ValueError for what is none."""
    for number, pod in fields(answer):
        if number == 1:
            yield from _of_pod(pod)


def _of_pod(message: bytes) -> Iterator[Allocation]:
    told = list(fields(message))
    pod, namespace = _text(told, 1), _text(told, 2)
    for number, container in told:
        if number == 3:
            inside = list(fields(container))
            name = _text(inside, 1)
            for uuid in _uuids(inside):
                yield Allocation(uuid, namespace, pod, name)


def _uuids(container: list[tuple[int, bytes]]) -> Iterator[str]:
    for number, devices in container:
        if number == 2:
            for kind, device in fields(devices):
                uuid = device.decode("utf-8", "replace").partition(REPLICA)[0]
                if kind == 2 and uuid.startswith(UUIDS):
                    yield uuid


def _text(message: list[tuple[int, bytes]], wanted: int) -> str:
    found = (value for number, value in message if number == wanted)
    return next(found, b"").decode("utf-8", "replace")
