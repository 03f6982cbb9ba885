"""A point in time, read in slices, page after page, each made columns while the next comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from analysis.sources.allowance import Allowance
from analysis.sources.answers import Searched
from analysis.sources.bounded import TooLargeError
from analysis.sources.connection import AnswerT, Connection
from analysis.sources.errors import SourceError
from analysis.sources.section import ElasticsearchSection
from analysis.sources.shapes import Opened

KEEP_ALIVE = "1m"
ANSWER = "pit_id,timed_out,_shards.failed,aggregations"
FIRST = 500
GROWTH = 8
PAGE_BYTES = 5 * 2**20
"""Larger pages cost the server no less, smaller ones more; each waits for its last byte."""
Open = Callable[[bytes], Opened]
Part = tuple[list[pl.DataFrame], Counter[str], Counter[str]]


class PageSize:
    """How many documents to ask for: few at first, then as many as their size allows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = min(most, FIRST)

    def learn(self, rows: int, bytes_: int) -> None:
        """Aim at PAGE_BYTES, growing by steps: the next documents may be larger than these."""
        fitting = PAGE_BYTES * max(1, rows) // max(1, bytes_)
        self.now = max(1, min(self._most, GROWTH * self.now, fitting))

    def shrink(self) -> None:
        """So many were too large to read at once."""
        self.now = max(1, self.now // GROWTH)


@dataclass
class Asked:
    """A slice of a point in time: what was asked of it, and how far it was read."""

    pit: str
    query: Any
    number: int
    slices: int
    size: PageSize
    after: Any = None

    @property
    def body(self) -> dict[str, Any]:
        """The next page's search."""
        body: dict[str, Any] = {
            "pit": {"id": self.pit, "keep_alive": KEEP_ALIVE},
            "query": self.query,
            "sort": [{"_shard_doc": "asc"}],
            "size": self.size.now,
        }
        if self.slices > 1:
            body["slice"] = {"id": self.number, "max": self.slices}
        if self.after is not None:
            body["search_after"] = self.after
        return body


class Pages:
    """Reads what a query finds in a point in time, within an allowance."""

    def __init__(self, connection: Connection, section: ElasticsearchSection) -> None:
        self._connection = connection
        self._section = section

    def search(self, kind: type[AnswerT], **request: Any) -> AnswerT:
        """The aggregations of a search; an answer of a part of the shards is an error."""
        answer = self._connection.call(
            Searched,
            lambda client: client.search(**request, filter_path=ANSWER, timeout=self._timeout),
        )
        self._refuse_parts(answer.timed_out, answer.shards.failed)
        return self._connection.read(kind, answer.aggregations)

    def stuck(self) -> SourceError:
        """The error of a server that answers each page with the same one."""
        return self._connection.error(
            "answers the same page again and again", "correct [elasticsearch] url"
        )

    def read(self, pit: str, query: Any, allowance: Allowance, open_: Open) -> Part:
        """All documents as frames, and counts of problems and of shapes."""
        slices = self._section.slices

        with ThreadPoolExecutor(slices) as pool, ThreadPoolExecutor(slices) as ahead:

            def read_slice(number: int) -> Part:
                asked = Asked(pit, query, number, slices, PageSize(self._section.page_size))
                return self._slice(asked, allowance, open_, ahead)

            parts = list(pool.map(read_slice, range(slices)))
        problems: Counter[str] = Counter()
        shapes: Counter[str] = Counter()
        for _, missed, found in parts:
            problems += missed
            shapes += found
        return [frame for frames, _, _ in parts for frame in frames], problems, shapes

    def _slice(self, asked: Asked, allowance: Allowance, open_: Open, ahead: Executor) -> Part:
        """A page's rows are made while the next page is on its way."""
        part: Part = ([], Counter(), Counter())
        coming = ahead.submit(self._fetch, asked) if allowance.is_left() else None
        while coming is not None:
            content = coming.result()
            page = self._opened(content, open_)
            rows = len(page.page.hits.hits)
            allowance.took(rows, len(content))
            coming = None
            if rows == asked.size.now and allowance.is_left():
                asked.size.learn(rows, len(content))
                if asked.after == page.page.search_after:
                    raise self.stuck()
                asked.after = page.page.search_after
                coming = ahead.submit(self._fetch, asked)
            if rows:
                found = page.read()
                part[0].append(found.frame)
                part[1].update(found.problems)
                part[2].update(found.shapes)
        return part

    def _fetch(self, asked: Asked) -> bytes:
        """A page, of fewer documents if they are too large."""
        # Documents whole, and no filter_path: to leave anything out of an answer, the server would
        # parse each document and write it anew, which costs it more than all the rest.
        while True:
            try:
                return self._connection.call_raw(
                    lambda client: client.search(
                        **asked.body, track_total_hits=False, timeout=self._timeout
                    )
                )
            except TooLargeError as error:
                if asked.size.now == 1:
                    raise self._connection.error(
                        f"has a document too large to read ({error})", "leave it out of the indices"
                    ) from None
                asked.size.shrink()

    def _opened(self, content: bytes, open_: Open) -> Opened:
        try:
            opened = open_(content)
        except msgspec.MsgspecError as error:
            raise self._connection.error(
                f"gave an answer that is not Elasticsearch's ({error})",
                "correct [elasticsearch] url",
            ) from None
        self._refuse_parts(opened.page.timed_out, opened.page.shards.failed)
        return opened

    @property
    def _timeout(self) -> str:
        return f"{int(self._section.timeout_seconds * 1_000)}ms"

    def _refuse_parts(self, timed_out: bool, failed: int | None) -> None:  # noqa: FBT001  as Elasticsearch names it
        if timed_out or failed:
            raise self._connection.error(
                "answered from a part of its shards only", "look at its health, then ask again"
            )
