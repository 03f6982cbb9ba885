"""Threads that are woken for one job, and the gate that stops them all."""

from __future__ import annotations

import threading
import time

from exporters.gpu.worker import Gate, Worker


def test_a_worker_does_its_job_each_time_it_is_woken() -> None:
    done: list[int] = []
    worker = Worker("test", lambda: done.append(threading.get_ident()))

    for _ in range(3):
        worker.wake()
        assert worker.wait(5)

    assert len(done) == 3
    assert set(done).isdisjoint({threading.get_ident()})
    assert worker.close(5)


def test_a_worker_that_hangs_is_busy_and_cannot_be_closed_until_it_is_done() -> None:
    release = threading.Event()
    worker = Worker("test", lambda: release.wait(10))
    worker.wake()

    assert not worker.wait(0.05)
    assert worker.is_busy
    assert not worker.close(0.05)

    release.set()
    assert worker.close(5)


def test_a_worker_woken_while_at_work_works_once_more() -> None:
    entered, release = threading.Event(), threading.Event()
    done: list[bool] = []

    def job() -> None:
        entered.set()
        done.append(release.wait(10))

    worker = Worker("test", job)
    worker.wake()
    assert entered.wait(5)
    worker.wake()
    release.set()

    assert worker.wait(5)
    assert len(done) == 2
    worker.close(5)


def test_a_gate_lets_many_in_together_and_one_alone() -> None:
    gate, seen = Gate(), []
    with gate.shared(), gate.shared(), gate.alone(0.01) as is_alone:
        seen.append(is_alone)
    with gate.alone(0.01) as is_alone:
        seen.append(is_alone)

    assert seen == [False, True]


def test_nobody_comes_in_while_one_is_alone() -> None:
    gate, order = Gate(), []

    def enter() -> None:
        with gate.shared():
            order.append("inside")

    with gate.alone(1) as is_alone:
        thread = threading.Thread(target=enter)
        thread.start()
        time.sleep(0.05)
        order.append("alone" if is_alone else "crowded")
    thread.join(5)

    assert order == ["alone", "inside"]
