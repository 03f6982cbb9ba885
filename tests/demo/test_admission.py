from __future__ import annotations

import asyncio

import pytest

from demo.service.admission import Admission, QueueFullError


class Heard:
    def __init__(self):
        self.depth: dict[str, int] = {}
        self.waits: list[str] = []

    def queued(self, priority: str, depth: int) -> None:
        self.depth[priority] = depth

    def waited(self, priority: str, seconds: float) -> None:
        self.waits.append(priority)


async def _hold(admission: Admission, priority: str, served: list[str]) -> None:
    async with admission.slot(priority):
        served.append(priority)
        await asyncio.sleep(0)


async def _start(coroutine) -> asyncio.Task[None]:
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


def test_vip_goes_before_normal_before_batch():
    async def story() -> list[str]:
        admission, served = Admission(1, 8, Heard()), []
        async with admission.slot("normal"):
            waiting = [
                await _start(_hold(admission, priority, served))
                for priority in ("batch", "normal", "vip", "batch", "vip")
            ]
        await asyncio.gather(*waiting)
        return served

    assert asyncio.run(story()) == ["vip", "vip", "normal", "batch", "batch"]


def test_a_full_queue_refuses_at_once():
    async def story() -> None:
        admission = Admission(1, 1, Heard())
        async with admission.slot("normal"):
            waiting = await _start(_hold(admission, "normal", []))
            with pytest.raises(QueueFullError):
                await _hold(admission, "normal", [])
        await waiting

    asyncio.run(story())


def test_a_full_queue_makes_room_for_a_vip_by_refusing_its_newest_batch_request():
    async def story() -> list[str]:
        admission, served = Admission(1, 2, Heard()), []
        async with admission.slot("normal"):
            first = await _start(_hold(admission, "batch", served))
            newest = await _start(_hold(admission, "batch", served))
            vip = await _start(_hold(admission, "vip", served))
            with pytest.raises(QueueFullError):
                await newest
        await asyncio.gather(first, vip)
        return served

    assert asyncio.run(story()) == ["vip", "batch"]


def test_a_request_that_is_cancelled_while_it_waits_leaves_the_queue():
    async def story() -> tuple[int, dict[str, int]]:
        heard = Heard()
        admission = Admission(1, 8, heard)
        async with admission.slot("normal"):
            waiting = await _start(_hold(admission, "vip", []))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return admission.free, heard.depth

    assert asyncio.run(story()) == (1, {"vip": 0})


def test_a_slot_given_to_a_request_that_was_cancelled_in_that_moment_goes_to_the_next():
    async def story() -> list[str]:
        admission, served = Admission(1, 8, Heard()), []
        async with admission.slot("normal"):
            gone = await _start(_hold(admission, "vip", served))
            next_one = await _start(_hold(admission, "normal", served))
            gone.cancel()  # seen by the task only after the slot is handed on
        await asyncio.gather(gone, next_one, return_exceptions=True)
        assert admission.free == 1
        return served

    assert asyncio.run(story()) == ["normal"]
