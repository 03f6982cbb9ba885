"""Pages of a point in time: the next is on its way while this one becomes rows."""

from __future__ import annotations

from collections import Counter
from threading import Event
from typing import Any

import polars as pl
from msgspec import Raw

from analysis.sources.allowance import Allowance
from analysis.sources.page import Hits, Page, Place
from analysis.sources.pages import Pages
from analysis.sources.section import ElasticsearchSection
from analysis.sources.shapes import Opened, Read

FULL, REST = b"500", b"7"


class Answers:
    """A connection whose pages are two full ones, then the rest."""

    def __init__(self) -> None:
        self.asked: list[Event] = [Event(), Event(), Event()]
        self.count = 0

    def call_raw(self, _: Any) -> bytes:
        self.asked[self.count].set()
        self.count += 1
        return REST if self.count == len(self.asked) else FULL


def read(answers: Answers, allowance: Allowance) -> tuple[list[pl.DataFrame], list[bool]]:
    was_asked: list[bool] = []
    number = iter(range(3))

    def opened(content: bytes) -> Opened:
        this = next(number)
        page = Page(hits=Hits([Place(sort=Raw(b"[%d]" % this))] * int(content)))

        def rows() -> Read:
            if int(content) == 500:
                was_asked.append(answers.asked[this + 1].wait(0 if allowance.why else 30))
            return Read(page, pl.DataFrame({"row": [this]}), Counter(), Counter())

        return Opened(page, rows)

    section = ElasticsearchSection(slices=1, page_size=500)
    frames, _, _ = Pages(answers, section).read("pit", {}, allowance, opened)  # type: ignore[arg-type]
    return frames, was_asked


def test_the_next_page_is_asked_for_before_the_rows_of_this_one_are_made():
    frames, was_asked = read(Answers(), Allowance(10_000, 10_000, 600))

    assert [frame["row"].item() for frame in frames] == [0, 1, 2]
    assert was_asked == [True, True]


def test_no_page_is_asked_for_ahead_of_what_the_allowance_leaves():
    answers = Answers()
    frames, was_asked = read(answers, Allowance(1_000, 10_000, 600))

    assert len(frames) == answers.count == 2
    assert was_asked == [True, False]
