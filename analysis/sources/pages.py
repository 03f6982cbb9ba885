"""A point in time, read in slices, page after page, each made columns before the next is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import polars as pl

from analysis.sources.allowance import Allowance
from analysis.sources.answers import Searched
from analysis.sources.bounded import TooLargeError
from analysis.sources.connection import AnswerT, Connection
from analysis.sources.errors import SourceError
from analysis.sources.section import ElasticsearchSection
from analysis.sources.shapes import Read

KEEP_ALIVE = "1m"
ANSWER = "pit_id,timed_out,_shards.failed,aggregations"
FIRST = 500
GROWTH = 8
PAGE_BYTES = 8 * 2**20
Convert = Callable[[bytes], Read]
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

    def read(self, pit: str, query: Any, allowance: Allowance, convert: Convert) -> Part:
        """All documents as frames, and counts of problems and of shapes."""
        slices = self._section.slices

        def read_slice(number: int) -> Part:
            return self._slice(number, pit, query, allowance, convert)

        with ThreadPoolExecutor(slices) as pool:
            parts = list(pool.map(read_slice, range(slices)))
        problems: Counter[str] = Counter()
        shapes: Counter[str] = Counter()
        for _, missed, found in parts:
            problems += missed
            shapes += found
        return [frame for frames, _, _ in parts for frame in frames], problems, shapes

    def _slice(
        self, number: int, pit: str, query: Any, allowance: Allowance,
        convert: Convert,
    ) -> Part:  # fmt: skip
        part: Part = ([], Counter(), Counter())
        body: dict[str, Any] = {}
        if self._section.slices > 1:
            body["slice"] = {"id": number, "max": self._section.slices}
        size = PageSize(self._section.page_size)
        while allowance.is_left():
            body["size"] = size.now
            try:
                found, bytes_ = self._page(pit, query, body, allowance, convert)
            except TooLargeError as error:
                if size.now == 1:
                    raise self._connection.error(
                        f"has a document too large to read ({error})", "leave it out of the indices"
                    ) from None
                size.shrink()
                continue
            rows = len(found.page.hits.hits)
            if rows:
                part[0].append(found.frame)
                part[1].update(found.problems)
                part[2].update(found.shapes)
            if rows < size.now:
                break
            size.learn(rows, bytes_)
            if body.get("search_after") == found.page.search_after:
                raise self.stuck()
            body["search_after"] = found.page.search_after
        return part

    def _page(
        self, pit: str, query: Any, body: dict[str, Any],
        allowance: Allowance, convert: Convert,
    ) -> tuple[Read, int]:  # fmt: skip
        # Documents whole, and no filter_path: to leave anything out of an answer, the server would
        # parse each document and write it anew, which costs it more than all the rest.
        content = self._connection.call_raw(
            lambda client: client.search(
                pit={"id": pit, "keep_alive": KEEP_ALIVE},
                query=query,
                sort=[{"_shard_doc": "asc"}],
                track_total_hits=False,
                timeout=self._timeout,
                **body,
            )
        )
        try:
            found = convert(content)
        except msgspec.MsgspecError as error:
            raise self._connection.error(
                f"gave an answer that is not Elasticsearch's ({error})",
                "correct [elasticsearch] url",
            ) from None
        self._refuse_parts(found.page.timed_out, found.page.shards.failed)
        allowance.took(len(found.page.hits.hits), len(content))
        return found, len(content)

    @property
    def _timeout(self) -> str:
        return f"{int(self._section.timeout_seconds * 1_000)}ms"

    def _refuse_parts(self, timed_out: bool, failed: int | None) -> None:  # noqa: FBT001  as Elasticsearch names it
        if timed_out or failed:
            raise self._connection.error(
                "answered from a part of its shards only", "look at its health, then ask again"
            )
