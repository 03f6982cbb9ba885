"""A page of an answer, decoded no deeper than needed: documents stay the bytes that came."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from analysis.sources.values import Hit


class RawHit(msgspec.Struct):
    """A document as bytes, and where it lies."""

    index: str = msgspec.field(name="_index", default="")
    id: str = msgspec.field(name="_id", default="")
    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw(b"{}"))
    sort: list[Any] = msgspec.field(default_factory=list)

    def decoded(self) -> Hit:
        """The document as an object; what is no object is an empty one."""
        try:
            document = orjson.loads(bytes(self.source))
        except orjson.JSONDecodeError:
            document = {}
        return Hit(self.index, self.id, document if isinstance(document, dict) else {})


class Hits(msgspec.Struct):
    """The hits of a page."""

    hits: list[RawHit] = msgspec.field(default_factory=list)


class Shards(msgspec.Struct):
    """How many shards did not answer."""

    failed: int = 0


class Page(msgspec.Struct):
    """A page of a search's answer."""

    timed_out: bool = False
    shards: Shards = msgspec.field(name="_shards", default_factory=Shards)
    hits: Hits = msgspec.field(default_factory=Hits)


decode = msgspec.json.Decoder(Page).decode
