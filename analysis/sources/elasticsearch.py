"""Spans and logs from Elasticsearch, of whatever shape, within a stated budget."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis.frames import LOG_SCHEMA, SPAN_SCHEMA
from analysis.sources import severe, totals
from analysis.sources.allowance import Allowance
from analysis.sources.answers import Anything, Capability, Fields, Inside, Nodes, Opened
from analysis.sources.connection import Connection, credentials
from analysis.sources.errors import SourceError
from analysis.sources.gap import Gap
from analysis.sources.pages import KEEP_ALIVE, Pages
from analysis.sources.section import ElasticsearchSection
from analysis.sources.shapes import in_order, once, reader
from analysis.sources.source import LIMIT
from analysis.sources.window import cut, state_problems

__all__ = ["ElasticsearchSource", "credentials"]

DATES = {"date", "date_nanos"}
Caps = dict[str, dict[str, Capability]]


@dataclass(frozen=True)
class Asked:
    """A window of documents, by which fields it is told, and how many are wanted of it."""

    start_ns: int
    end_ns: int
    dated: tuple[str, ...]
    limit: int
    grave: severe.Query | None

    @property
    def query(self) -> severe.Query:
        return within(self.dated, self.start_ns, self.end_ns)

    def part(self, share: float) -> severe.Query:
        """A share of the window."""
        return severe.spread(self.dated, self.start_ns, self.end_ns, severe.ROOM * share)


class ElasticsearchSource:
    """Reads documents of any shape that `fields/` or the config declares.

    Safe to use from several threads; `searches` bounds those at once.
    """

    def __init__(self, section: ElasticsearchSection, opaque_id: str = "busysignal") -> None:
        self.name = "elasticsearch"
        self.gaps: list[Gap] = []
        self.url = section.url
        self._section = section
        self._reader = reader(*map(str, section.shapes))
        self._connection = Connection(section, opaque_id)
        self._pages = Pages(self._connection, section)

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start.

        Of more than `limit`, whole traces are sampled by their ids, and a gap says so.
        """
        frames = self._pull(self._section.traces_index, start_ns, end_ns, limit, is_spans=True)
        frame = once(pl.concat([pl.DataFrame(schema=dict(SPAN_SCHEMA)), *frames]))
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time.

        Of more than `limit`, warnings and errors come first, then others from even parts of the
        window; a gap says how many of each.
        """
        frames = self._pull(self._section.logs_index, start_ns, end_ns, limit, is_spans=False)
        frame = in_order(pl.concat([pl.DataFrame(schema=dict(LOG_SCHEMA)), *frames]))
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def span_totals(self, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """Spans, errors and durations per step, service and operation, summed in the cluster.

        The columns are those of `totals.SPAN_TOTALS`; a gap names the columns that no index can
        be summed by.
        """
        return self._totals(totals.SPANS, self._section.traces_index, start_ns, end_ns, step_ns)

    def log_totals(self, start_ns: int, end_ns: int, step_ns: int) -> pl.DataFrame:
        """Logs per step, service and severity, counted in the cluster: `totals.LOG_TOTALS`."""
        return self._totals(totals.LOGS, self._section.logs_index, start_ns, end_ns, step_ns)

    def version(self) -> str:
        """Return the server's version. A minimal server has no `GET /`, so the nodes are asked."""
        answer = self._connection.call(
            Nodes, lambda client: client.nodes.info(filter_path="nodes.*.version")
        )
        versions = sorted({node.version for node in answer.nodes.values()})
        if not versions:
            raise self._connection.error("names no version", "let this user monitor the cluster")
        return str(versions[0])

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _pull(
        self, index: str, start_ns: int, end_ns: int, limit: int, *, is_spans: bool
    ) -> list[pl.DataFrame]:
        times = [shape.time for shape in self._reader.shapes]
        named = [] if is_spans else severe.fields(self._reader.shapes)
        found = self._fields(index, [*times, *named])
        if not (dated := self._dated(index, found, times)):
            return []
        most = limit if is_spans else min(limit, self._section.read_rows)
        window = Asked(start_ns, end_ns, tuple(dated), most, severe.severe(named, found))
        pit = self._connection.call(
            Opened,
            lambda client: client.open_point_in_time(
                index=index, keep_alive=KEEP_ALIVE, ignore_unavailable=True
            ),
        ).id
        try:
            plan = self._plan(pit, window, is_spans=is_spans)
            return self._read(pit, plan, limit, is_spans=is_spans)
        finally:
            with contextlib.suppress(SourceError):  # it ends by itself, within a minute
                self._connection.call(Anything, lambda client: client.close_point_in_time(id=pit))

    def _read(
        self, pit: str, queries: list[severe.Query], limit: int, *, is_spans: bool
    ) -> list[pl.DataFrame]:
        section, kind = self._section, "spans" if is_spans else "logs"
        allowance = Allowance(
            min(limit, section.read_rows), section.read_bytes, section.read_seconds
        )
        frames: list[pl.DataFrame] = []
        problems: Counter[str] = Counter()
        shapes: Counter[str] = Counter()
        for query in queries:
            found, missed, told = self._pages.read(
                pit, query, allowance,
                lambda content: self._reader.opened(content, wants_spans=is_spans),
            )  # fmt: skip
            frames += found
            problems += missed
            shapes += told
        state_problems(self.gaps, self.name, kind, problems)
        if allowance.why is not None and allowance.rows < limit:
            self._state(f"reading {kind} stopped at {allowance.rows}: {allowance.why} are allowed")
        self._state_lost(frames, shapes, kind)
        return frames

    def _state_lost(self, frames: list[pl.DataFrame], shapes: Counter[str], kind: str) -> None:
        for shape, count in sorted(shapes.items()):
            whole = pl.concat(frames) if frames else None
            if whole is None or not whole.height:
                return
            if lost := self._reader.kept_nothing_of(shape, whole, kind):
                self._state(f"the {shape} shape keeps no {', '.join(lost)}: {count} {kind}")

    def _fields(self, index: str, names: list[str]) -> Caps:
        """The types of fields; empty where no index is."""
        answer = self._connection.call(
            Fields,
            lambda client: client.field_caps(
                index=index,
                fields=sorted(set(names)),
                include_unmapped=True,
                ignore_unavailable=True,
                allow_no_indices=True,
            ),
        )
        return answer.fields if answer.indices else {}

    def _dated(self, index: str, found: Caps, times: list[str]) -> list[str]:
        """The fields that the window can be asked of."""
        if not found:
            self._state(f"no index matches {index}")
        kinds = {name: set(found.get(name, {})) - {"unmapped"} for name in dict.fromkeys(times)}
        for name, told in kinds.items():
            if not told <= DATES:
                self._state(
                    f"{name} is {', '.join(sorted(told))} in {index}: times there cannot be "
                    "compared; install the index template and write anew"
                )
        return [name for name, told in kinds.items() if told & DATES]

    def _plan(self, pit: str, asked: Asked, *, is_spans: bool) -> list[severe.Query]:
        """The queries to read one after the other, within the limit as far as can be told."""
        aggs = {"inside": {"filter": asked.query}, "timeless": {"filter": _without(asked.dated)}}
        if asked.grave is not None:
            aggs["severe"] = {"filter": severe.both(asked.query, asked.grave)}
        counts = self._pages.search(
            Inside, pit={"id": pit, "keep_alive": KEEP_ALIVE}, size=0, aggs=aggs
        )
        if timeless := counts.timeless.doc_count:
            self._state(
                f"{timeless} documents bear no {' or '.join(asked.dated)}: no window has them"
            )
        total = counts.inside.doc_count
        if total <= asked.limit:
            return [asked.query]
        if is_spans:
            return [self._whole_traces(asked, total)]
        return self._severe_first(asked, total, counts.severe.doc_count if counts.severe else 0)

    def _whole_traces(self, asked: Asked, total: int) -> severe.Query:
        share = severe.ROOM * asked.limit / total
        below = {"lt": f"{int(share * 16**8):08x}"}
        ranges = [{"range": {field: below}} for field in _TRACE_IDS]
        self._state(f"{share:.1%} of the traces were read, chosen by their ids: {total} spans")
        return severe.both(asked.query, {"bool": {"should": ranges}})

    def _severe_first(self, asked: Asked, total: int, grave: int) -> list[severe.Query]:
        limit = asked.limit
        if asked.grave is None:
            self._state(f"only {limit} of {total} logs were read")
            return [severe.both(asked.query, asked.part(limit / total))]
        if grave > limit:
            share = limit / grave
            self._state(
                f"only {limit} of {total} logs were read: "
                f"{share:.1%} of the warnings and errors, no others"
            )
            return [severe.both(asked.query, asked.grave, asked.part(share))]
        share = (limit - grave) / (total - grave)
        self._state(
            f"only {limit} of {total} logs were read: "
            f"all {grave} warnings and errors, {share:.1%} of the others"
        )
        others = severe.both(asked.query, severe.none_of(asked.grave), asked.part(share))
        return [severe.both(asked.query, asked.grave), others]

    def _totals(
        self, kind: totals.Kind, index: str, start_ns: int, end_ns: int, step_ns: int
    ) -> pl.DataFrame:
        times = [shape.time for shape in self._reader.shapes]
        found = self._fields(index, [*times, *kind.names(self._reader.shapes)])
        dated = self._dated(index, found, times)
        frames = [kind.empty()]
        section = self._section
        allowance = Allowance(section.read_rows, section.read_bytes, section.read_seconds)
        for plan in kind.plans(self._reader.shapes, found, dated, start_ns, end_ns, step_ns):
            found_here = list(totals.read(self._pages, index, plan, allowance))
            frames += found_here
            if plan.lacks and found_here:
                self._state(f"{index} cannot be summed by {', '.join(plan.lacks)}")
        if allowance.why is not None:
            self._state(f"summing {index} stopped: {allowance.why} are allowed")
        return pl.concat(frames)

    def _state(self, gap: str) -> None:
        self.gaps.append(Gap(self.name, gap))


_TRACE_IDS = ("trace_id", "trace.id", "TraceId", "traceID", "traceId")


def within(dated: Sequence[str], start_ns: int, end_ns: int) -> dict[str, Any]:
    """The window, by any of the fields.

    A date's own precision is a millisecond, and an unpadded fraction moves it by up to one more:
    read a little around the window, cut exactly afterwards.
    """
    window = {"gte": start_ns // 10**6 - 1, "lte": end_ns // 10**6 + 1, "format": "epoch_millis"}
    ranges = [{"range": {name: window}} for name in dated]
    return ranges[0] if len(ranges) == 1 else {"bool": {"should": ranges}}


def _without(dated: Sequence[str]) -> dict[str, Any]:
    return {"bool": {"must_not": [{"exists": {"field": name}} for name in dated]}}
