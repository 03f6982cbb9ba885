"""The kubelet's API, answered by a real gRPC server on a real unix socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.gpu.attribution.kubelet import Kubelet
from exporters.gpu.attribution.pod_resources import Allocation, PodResourcesError, ask, parse

Answer = Callable[[bytes, grpc.ServicerContext], bytes]


def field(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    head = b""
    while value > 0x7F:
        head += bytes([value & 0x7F | 0x80])
        value >>= 7
    return head + bytes([value])


def pod(name: str, namespace: str, **containers: list[str]) -> bytes:
    inside = b"".join(
        field(
            3,
            field(1, container)
            + field(
                2,
                field(1, "nvidia.com/gpu")
                + b"".join(field(2, device) for device in devices)
                + field(3, field(1, varint(1 << 3) + varint(0))),
            )
            + varint(3 << 3)  # an exclusive CPU, as a number that is not packed
            + varint(300),
        )
        for container, devices in containers.items()
    )
    return field(1, field(1, name) + field(2, namespace) + inside)


NODE = pod("chat-0", "serving", engine=["GPU-aa"], sidecar=[]) + pod(
    "batch", "jobs", one=["GPU-bb::0"], two=["GPU-bb::1", "MIG-cc"], network=["nic0"]
)
HELD = frozenset(
    {
        Allocation("GPU-aa", "serving", "chat-0", "engine"),
        Allocation("GPU-bb", "jobs", "batch", "one"),
        Allocation("GPU-bb", "jobs", "batch", "two"),
        Allocation("MIG-cc", "jobs", "batch", "two"),
    }
)


def always(message: bytes) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        return message

    return answer


@contextmanager
def kubelet(path: Path, answer: Answer) -> Iterator[Path]:
    method = grpc.unary_unary_rpc_method_handler(answer)
    handlers = grpc.method_handlers_generic_handler("v1.PodResourcesLister", {"List": method})
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((handlers,))
        server.add_insecure_port(f"unix:{path}")
        server.start()
        try:
            yield path
        finally:
            server.stop(0).wait(5)


def test_it_is_told_who_holds_which_device(tmp_path: Path):
    with kubelet(tmp_path / "s", always(NODE)) as path:
        assert ask(path) == HELD


def test_an_answer_of_many_frames_is_read_to_its_end(tmp_path: Path):
    many = b"".join(pod(f"p{n}", "n" * 200, c=[f"GPU-{n}"]) for n in range(5000))
    with kubelet(tmp_path / "s", always(many)) as path:
        found = ask(path)

    assert len(many) > 1_000_000
    assert {one.uuid for one in found} == {f"GPU-{n}" for n in range(5000)}


def test_a_node_without_pods_holds_nothing(tmp_path: Path):
    with kubelet(tmp_path / "s", always(b"")) as path:
        assert ask(path) == frozenset()


def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
    raise AssertionError


def linger(request: bytes, context: grpc.ServicerContext) -> bytes:
    time.sleep(1)
    return b""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refuse, "HTTP 200, gRPC status 8 rejected by rate limit"),
        (always(b"\xff\xff\xff"), "not a protobuf message"),
        (linger, "no answer within 0.3 s"),
    ],
)
def test_an_answer_that_is_none_is_told(tmp_path: Path, answer: Answer, said: str):
    with kubelet(tmp_path / "s", answer) as path, pytest.raises(PodResourcesError) as caught:
        ask(path, 0.3)

    assert str(caught.value) == f"{path}: {said}"


def test_whatever_else_answers_on_the_socket_is_an_error_in_time(tmp_path: Path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def speak() -> None:
            connection = listener.accept()[0]
            connection.sendall(b"220 mail.example.org ESMTP\r\n" * 10)
            connection.close()

        speaker = threading.Thread(target=speak)
        speaker.start()
        with pytest.raises(PodResourcesError, match="s: "):
            ask(path, 2)
        speaker.join()


def test_a_kubelet_that_comes_answers_and_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    watched = Kubelet(tmp_path / "s")
    watched.refresh()
    before = watched.is_up
    with kubelet(tmp_path / "s", always(NODE)):
        watched.refresh()
        during = (watched.is_up, watched.allocations)
    (tmp_path / "s").unlink(missing_ok=True)
    (tmp_path / "s").touch()
    watched.refresh()
    watched.refresh()
    after = (watched.is_up, watched.allocations)

    assert (before, during, after) == (None, (True, HELD), (False, frozenset()))
    assert caplog.text.count("pods stay without names") == 1


def test_a_socket_behind_a_closed_door_is_there_but_not_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    watched = Kubelet(tmp_path / "s")
    monkeypatch.setattr(Path, "stat", refuse)
    watched.refresh()
    monkeypatch.undo()

    assert watched.is_up is False


@given(st.binary(max_size=300))
def test_bytes_that_are_no_answer_raise_nothing_else(message: bytes):
    try:
        found = list(parse(message))
    except ValueError:
        return
    assert all(isinstance(one, Allocation) for one in found)
