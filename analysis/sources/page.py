"""A page of an answer, decoded no deeper than needed: documents stay the bytes that came."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
import orjson

from analysis.sources.values import Hit


class Place(msgspec.Struct, gc=False):
    """Where a document lies, and its place in the order of the search."""

    index: str = msgspec.field(name="_index", default="")
    id: str = msgspec.field(name="_id", default="")
    sort: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"[]"))


class RawHit(Place, gc=False):
    """A document as bytes."""

    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw(b"{}"))

    def decoded(self) -> Hit:
        """The document as an object; what is no object is an empty one."""
        try:
            document = orjson.loads(bytes(self.source))
        except orjson.JSONDecodeError:
            document = {}
        return Hit(self.index, self.id, document if isinstance(document, dict) else {})


PlaceT = TypeVar("PlaceT", bound=Place)


class Hits(msgspec.Struct, Generic[PlaceT]):
    """The hits of a page."""

    hits: list[PlaceT] = msgspec.field(default_factory=list)


class Shards(msgspec.Struct):
    """How many shards did not answer."""

    failed: int = 0


class Page(msgspec.Struct, Generic[PlaceT]):
    """A page of a search's answer."""

    timed_out: bool = False
    shards: Shards = msgspec.field(name="_shards", default_factory=Shards)
    hits: Hits[PlaceT] = msgspec.field(default_factory=Hits)

    @property
    def search_after(self) -> Any:
        """What the next page is asked after."""
        return orjson.loads(bytes(self.hits.hits[-1].sort))


decode = msgspec.json.Decoder(Page[RawHit]).decode
