"""What Elasticsearch answers but for documents, as far as it is read; anything else is refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from analysis.sources.page import Shards

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=(2**63 - 1) // 10**6)]


class Capability(msgspec.Struct):
    """Whether a field of one type can be summed by."""

    aggregatable: bool = False


class Fields(msgspec.Struct):
    """The types of fields."""

    indices: list[str] | str = ""
    fields: dict[str, dict[str, Capability]] = msgspec.field(default_factory=dict)


class Opened(msgspec.Struct):
    """A point in time."""

    id: str


class Node(msgspec.Struct):
    """A server."""

    version: str


class Nodes(msgspec.Struct):
    """All servers of a cluster."""

    nodes: dict[str, Node] = msgspec.field(default_factory=dict)


class Counted(msgspec.Struct):
    """A number of documents."""

    doc_count: Count


class Inside(msgspec.Struct):
    """How many documents lie in a window, how many bear no time, how many inside are severe."""

    inside: Counted
    timeless: Counted
    severe: Counted | None = None


class Mean(msgspec.Struct):
    """A mean; null of nothing."""

    value: float | None = None


class Percentiles(msgspec.Struct):
    """Percentiles by their number."""

    values: dict[str, float | None] = msgspec.field(default_factory=dict)


class Key(msgspec.Struct):
    """What a bucket is of."""

    ts_ns: Milliseconds
    service: str | None = None
    operation: str | None = None
    severity: int | str | None = None


class Bucket(msgspec.Struct):
    """Documents of one step, service and operation or severity."""

    key: Key
    doc_count: Count
    errors: Counted | None = None
    mean: Mean = msgspec.field(default_factory=Mean)
    lasting: Percentiles = msgspec.field(default_factory=Percentiles)


class Composite(msgspec.Struct):
    """A page of buckets."""

    buckets: list[Bucket] = msgspec.field(default_factory=list)
    after_key: dict[str, Any] | None = None


class Each(msgspec.Struct):
    """The one aggregation of a plan; without an index there is none."""

    each: Composite = msgspec.field(default_factory=Composite)


class Searched(msgspec.Struct):
    """What a search says of itself, and its aggregations."""

    timed_out: bool = False
    shards: Shards = msgspec.field(name="_shards", default_factory=Shards)
    aggregations: dict[str, Any] = msgspec.field(default_factory=dict)


class Anything(msgspec.Struct):
    """An answer that nobody reads."""
