"""The writer's thread, over a place for documents that does what the test says."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporters.exposition import Registry
from exporters.telemetry.document import Line, LogEntry, Origin
from exporters.telemetry.shapes.otel import OtelShape
from exporters.telemetry.sink import Outcome, Trouble
from exporters.telemetry.spool import Spool
from exporters.telemetry.tally import Tally
from exporters.telemetry.writer import Writer
from tests.telemetry_reading import eventually

SHAPE = OtelShape(Origin({}, "x"))


class Place:
    name = "the place"

    def __init__(self) -> None:
        self.is_away = False
        self.breaks_on: str | None = None
        self.texts: list[str] = []
        self.calls = 0

    def write(self, lines: Sequence[Line]) -> Outcome:
        self.calls += 1
        if self.is_away:
            return Outcome(later=list(lines), trouble=Trouble("away", "gone fishing"))
        texts = [json.loads(line.document)["body"]["text"] for line in lines]
        if self.breaks_on in texts:
            raise RuntimeError("a bug in the place")
        self.texts += texts
        return Outcome(written=list(lines))

    def close(self) -> None:
        pass


class Desk:
    """One writer, its place and its counters."""

    def __init__(self, section, folder: Path) -> None:
        self.registry = Registry()
        self.place = Place()
        self.spool = Spool(folder, 100_000, segment_bytes=1)
        self.writer = Writer(section, SHAPE, self.place, self.spool, Tally(self.registry))

    def log(self, text: str, **attributes: object) -> None:
        self.writer.queue.put(LogEntry(text, 1, 9, "INFO", "app", text, attributes=attributes))

    def count(self, name: str) -> float:
        page = self.registry.collect_text().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in page if line.startswith(name))

    @property
    def poison(self) -> float:
        return self.count('busysignal_telemetry_dropped_total{kind="log",reason="poison"}')


@pytest.fixture
def desk(section, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(section(shutdown_seconds=0.5), tmp_path / "spool")
    desk.writer.start()
    yield desk
    desk.place.breaks_on = None
    desk.writer.close()


def spooled(desk: Desk, *texts: str) -> None:
    desk.place.is_away = True
    for number, text in enumerate(texts):
        desk.log(text)
        eventually(lambda: len(desk.spool._sizes) > number)  # noqa: B023 - called at once


@pytest.mark.parametrize("harm", ["segment", "folder"])
def test_a_spool_that_someone_cleaned_up_costs_what_it_held_and_nothing_else(
    desk: Desk, caplog, harm: str
):
    spooled(desk, "one", "two")
    if harm == "segment":
        min(desk.spool._sizes).unlink()
    else:
        shutil.rmtree(desk.spool.folder)
    desk.place.is_away = False
    desk.log("three")

    assert desk.writer.flush(10)
    assert {"three", *(["two"] if harm == "segment" else [])} == set(desk.place.texts)
    assert 0 == desk.poison
    assert "Traceback" not in caplog.text


def test_a_replay_that_fails_is_tried_seldom_and_costs_no_live_document(desk: Desk, caplog):
    spooled(desk, "odd")
    desk.place.is_away, desk.place.breaks_on = False, "odd"
    eventually(lambda: "the spool could not be replayed" in caplog.text)
    before = desk.place.calls
    for number in range(5):
        desk.log(f"live-{number}")
        desk.writer.queue.wake()
        time.sleep(0.1)
    eventually(lambda: len(desk.place.texts) == 5)

    assert desk.place.calls - before < 5 + 12, "backing off between 25 and 200 ms"
    assert 0 == desk.poison
    assert 5 == desk.count('busysignal_telemetry_written_total{kind="log"}')

    desk.place.breaks_on = None
    eventually(lambda: "odd" in desk.place.texts)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("do not ask")


class Nameless(dict):
    def items(self):
        raise OSError("no items today")


@pytest.mark.parametrize("bad", [{"thing": Unspeakable()}, {"thing": 2**70}, {"thing": Nameless()}])
def test_one_bad_extra_costs_at_most_its_own_document(desk: Desk, bad: dict[str, object]):
    desk.log("before")
    desk.log("bad", **bad)
    desk.log("after")

    assert desk.writer.flush(5)
    assert ["before", "after"] == [text for text in desk.place.texts if text != "bad"]
    assert 1 == desk.poison + desk.place.texts.count("bad")


def test_a_place_that_breaks_its_word_costs_the_batch_and_not_the_thread(desk: Desk):
    desk.place.breaks_on = "odd"
    desk.log("odd")
    eventually(lambda: desk.poison == 1)

    desk.log("fine")

    assert desk.writer.flush(5)
    assert ["fine"] == desk.place.texts


def test_closing_ends_also_while_the_replay_fails(section, tmp_path: Path):
    desk = Desk(section(shutdown_seconds=0.3), tmp_path / "spool")
    desk.writer.start()
    spooled(desk, "odd")
    desk.place.is_away, desk.place.breaks_on = False, "odd"

    desk.writer.close()

    assert not desk.writer.thread.is_alive()
    successor = Spool(tmp_path / "spool", 100_000)
    assert tmp_path / "spool" == successor.folder, "the lock was let go of"
    successor.close()
