"""Spans and logs from Elasticsearch: a point in time, read in slices, page after page."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import elastic_transport
import elasticsearch
import polars as pl
from elastic_transport import ApiResponse
from elasticsearch import Elasticsearch
from elasticsearch.serializer import OrjsonSerializer

from analysis.sources.backoff import patiently
from analysis.sources.errors import BusyError, SourceError
from analysis.sources.gap import Gap
from analysis.sources.section import ElasticsearchSection
from analysis.sources.shapes import log_frame, span_frame
from analysis.sources.source import LIMIT
from analysis.sources.values import Hit
from analysis.sources.window import cut, state_problems
from exporters.errors import UsageError

_KEEP_ALIVE = "1m"
_ANSWER = (
    "pit_id,timed_out,_shards.failed,hits.total,hits.hits._index,hits.hits._id,"
    "hits.hits._source,hits.hits.sort"
)


class ElasticsearchSource:
    """Reads documents of any shape that `shapes` knows; safe to use from several threads."""

    def __init__(self, section: ElasticsearchSection, opaque_id: str = "busysignal") -> None:
        self.name = "elasticsearch"
        self.gaps: list[Gap] = []
        self.url = section.url
        self._section = section
        self._client = Elasticsearch(
            section.url,
            basic_auth=credentials(section),
            request_timeout=section.timeout_seconds,
            opaque_id=opaque_id,
            max_retries=0,
            retry_on_status=(),
            connections_per_node=section.slices + 2,
            serializer=OrjsonSerializer(),
        )

    def spans(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the spans that start in the window, ordered by start.

        Of more than `limit`, whole traces are sampled by their ids, and a gap says so.
        """
        hits = self._pull(self._section.traces_index, start_ns, end_ns, limit, is_spans=True)
        frame, problems = span_frame(hits)
        state_problems(self.gaps, self.name, "spans", problems)
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def logs(self, start_ns: int, end_ns: int, limit: int = LIMIT) -> pl.DataFrame:
        """Return the logs of the window, ordered by time; of more than `limit`, only so many."""
        hits = self._pull(self._section.logs_index, start_ns, end_ns, limit, is_spans=False)
        frame, problems = log_frame(hits)
        state_problems(self.gaps, self.name, "logs", problems)
        return cut(frame, start_ns, end_ns, limit=limit, gaps=self.gaps, source=self.name)

    def version(self) -> str:
        """Return the server's version. A minimal server has no `GET /`, so the nodes are asked."""
        answer = self._call(lambda: self._client.nodes.info(filter_path="nodes.*.version"))
        versions = sorted({node["version"] for node in answer.get("nodes", {}).values()})
        if not versions:
            raise self._error("names no version", "let this user monitor the cluster")
        return str(versions[0])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pull(
        self, index: str, start_ns: int, end_ns: int, limit: int, *, is_spans: bool
    ) -> list[Hit]:
        found = self._fields(index)
        if not self._is_readable(index, found):
            return []
        # The field's own precision is a millisecond, and an unpadded fraction moves it by up
        # to one more: read a little around the window, cut exactly afterwards.
        window = {"gte": start_ns // 10**6 - 1, "lte": end_ns // 10**6 + 1}
        query: dict[str, Any] = {
            "bool": {"filter": [{"range": {"@timestamp": {**window, "format": "epoch_millis"}}}]}
        }
        pit = self._call(
            lambda: self._client.open_point_in_time(
                index=index, keep_alive=_KEEP_ALIVE, ignore_unavailable=True
            )
        ).get("id", "")
        try:
            self._thin_out(pit, query, limit, whole_traces=is_spans)
            return self._read(pit, query, limit, ("*",))
        finally:
            with contextlib.suppress(SourceError):  # it ends by itself, within a minute
                self._call(lambda: self._client.close_point_in_time(id=pit))

    def _fields(self, index: str) -> dict[str, dict[str, Any]]:
        """The types of the fields that tell shapes apart; empty where no index is."""
        answer = self._call(
            lambda: self._client.field_caps(
                index=index,
                fields=["@timestamp", "trace_id"],
                include_unmapped=True,
                ignore_unavailable=True,
                allow_no_indices=True,
            )
        )
        return dict(answer.get("fields", {})) if answer.get("indices") else {}

    def _is_readable(self, index: str, found: dict[str, dict[str, Any]]) -> bool:
        kinds = set(found.get("@timestamp", {})) - {"unmapped"}
        if not found:
            self._state(f"no index matches {index}")
        elif not kinds <= {"date", "date_nanos"}:
            self._state(
                f"@timestamp is {', '.join(sorted(kinds))} in {index}: times there cannot be "
                "compared; install the index template and write anew"
            )
        return bool(kinds & {"date", "date_nanos"})

    def _thin_out(self, pit: str, query: dict[str, Any], limit: int, *, whole_traces: bool) -> None:
        answer = self._search(
            pit={"id": pit, "keep_alive": _KEEP_ALIVE}, query=query, size=0, track_total_hits=True
        )
        total = answer["hits"]["total"]["value"]
        if total <= limit:
            return
        if not whole_traces:
            self._state(f"only {limit} of {total} logs were read")
            return
        share = 0.95 * limit / total
        below = {"lt": f"{int(share * 16**8):08x}"}
        ranges = [
            {"range": {field: below}} for field in ("trace_id", "trace.id", "TraceId", "traceID")
        ]
        query["bool"]["filter"].append({"bool": {"should": ranges}})
        self._state(f"{share:.1%} of the traces were read, chosen by their ids: {total} spans")

    def _read(
        self, pit: str, query: dict[str, Any], limit: int, fields: Sequence[str]
    ) -> list[Hit]:
        taken: Counter[str] = Counter()
        lock = threading.Lock()

        def read_slice(number: int) -> list[Hit]:
            hits: list[Hit] = []
            body: dict[str, Any] = {}
            if self._section.slices > 1:
                body["slice"] = {"id": number, "max": self._section.slices}
            while taken["rows"] < limit:
                answer = self._search(
                    pit={"id": pit, "keep_alive": _KEEP_ALIVE},
                    query=query,
                    size=self._section.page_size,
                    sort=[{"_shard_doc": "asc"}],
                    source=list(fields),
                    track_total_hits=False,
                    **body,
                )
                page = answer["hits"].get("hits", [])
                hits += [Hit(hit["_index"], hit["_id"], hit["_source"]) for hit in page]
                with lock:
                    taken["rows"] += len(page)
                if len(page) < self._section.page_size:
                    break
                body["search_after"] = page[-1]["sort"]
            return hits

        with ThreadPoolExecutor(self._section.slices) as pool:
            return [
                hit for part in pool.map(read_slice, range(self._section.slices)) for hit in part
            ]

    def _search(self, **request: Any) -> dict[str, Any]:
        answer = self._call(
            lambda: self._client.search(
                **request,
                filter_path=_ANSWER,
                timeout=f"{int(self._section.timeout_seconds * 1_000)}ms",
            )
        )
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise self._error(
                "answered from a part of its shards only", "look at its health, then ask again"
            )
        answer.setdefault("hits", {}).setdefault("total", {"value": 0})
        return dict(answer)

    def _call(self, call: Callable[[], ApiResponse[Any]]) -> dict[str, Any]:
        seconds = self._section.timeout_seconds
        try:
            return patiently(lambda: _answer(call), seconds)
        except BusyError as error:
            raise self._error(f"is too busy ({error})", "ask for less, or later") from None
        except elasticsearch.ApiError as error:
            status = error.meta.status
            advice = "check [elasticsearch] url and the user's rights to read and monitor"
            raise self._error(f"refused ({status}: {error.message})", advice, status) from None
        except elastic_transport.ConnectionTimeout:
            raise self._error(
                f"did not answer within {seconds:g} s",
                "look at its load, or raise [elasticsearch] timeout_seconds",
            ) from None
        except elastic_transport.ConnectionError as error:
            raise self._error(
                f"cannot be reached ({error.message})", "start it, or correct [elasticsearch] url"
            ) from None
        except (
            elastic_transport.SerializationError,
            elasticsearch.UnsupportedProductError,
            TypeError,
        ) as error:  # fmt: skip
            raise self._error(
                f"gave an answer that is not Elasticsearch's ({type(error).__name__})",
                "correct [elasticsearch] url",
            ) from None

    def _error(self, problem: str, advice: str, status: int | None = None) -> SourceError:
        return SourceError("Elasticsearch", self.url, problem, advice, status)

    def _state(self, gap: str) -> None:
        self.gaps.append(Gap(self.name, gap))


def _answer(call: Callable[[], ApiResponse[Any]]) -> dict[str, Any]:
    try:
        answer = call().body
    except elasticsearch.ApiError as error:
        if error.meta.status in {429, 502, 503, 504}:
            raise BusyError(f"HTTP {error.meta.status}") from None
        raise
    if not isinstance(answer, dict):
        raise TypeError("not an object")
    return answer


def credentials(section: ElasticsearchSection) -> tuple[str, str] | None:
    """User and password of the section; None without a user. Raises UsageError if unreadable."""
    if section.user is None:
        return None
    if section.password_file is None:
        raise UsageError(
            "[elasticsearch] has a user but no password; set password_file to its file"
        )
    try:
        return section.user, section.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            f"[elasticsearch] password_file {section.password_file} cannot be read: "
            f"{error.strerror}; name a file that holds the password alone"
        ) from None
