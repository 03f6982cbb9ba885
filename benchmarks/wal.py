"""Samples read from the write-ahead log of a Prometheus that is no more.

The demo deletes its samples between two runs, and the log alone remembers them. Records and pages
as Prometheus documents them (tsdb/docs/format/wal.md); histograms and exemplars are passed over.
"""

from __future__ import annotations

import importlib
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

PAGE: Final = 32_768
HEADER: Final = 7
WHOLE, FIRST, LAST = 1, 2, 4
SNAPPY: Final = 8
SERIES, SAMPLES = 1, 2
Labels = tuple[tuple[str, str], ...]
Points = dict[Labels, list[tuple[int, float]]]


def read(folder: Path, wanted: Callable[[str], bool]) -> Points:
    """Points (milliseconds, value) of every series whose name is wanted, in order of time.

    A record that begins with a series that is not wanted is passed over whole: a rule's samples
    and a target's are never written together.
    """
    names: dict[int, Labels] = {}
    found: Points = defaultdict(list)
    for path in sorted(folder.glob("[0-9]*")):
        for record in _records(path.read_bytes()):
            if record[0] == SERIES:
                names |= {
                    reference: labels
                    for reference, labels in _series(record)
                    if wanted(dict(labels)["__name__"])
                }
            elif record[0] == SAMPLES and struct.unpack_from(">Q", record, 1)[0] in names:
                for reference, at, value in _samples(record):
                    if reference in names:
                        found[names[reference]].append((at, value))
    return {labels: sorted(points) for labels, points in found.items()}


def _records(data: bytes) -> Iterator[bytes]:
    """Whole records; what was being written when the server ended is left out."""
    part, place = b"", 0
    while place + HEADER <= len(data):
        kind, length = data[place], int.from_bytes(data[place + 1 : place + 3], "big")
        if kind & 7 == 0:  # the rest of the page is empty
            place = (place // PAGE + 1) * PAGE
            continue
        piece = data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        part = piece if kind & 7 in (WHOLE, FIRST) else part + piece
        if kind & 7 in (WHOLE, LAST) and part:
            yield _unpacked(part) if kind & SNAPPY else part


def _unpacked(part: bytes) -> bytes:
    cramjam: Any = importlib.import_module("cramjam")  # untyped, and only tests install it
    return bytes(cramjam.snappy.decompress_raw(part))


def _series(record: bytes) -> Iterator[tuple[int, Labels]]:
    place = 1
    while place < len(record):
        reference = int.from_bytes(record[place : place + 8], "big")
        count, place = _unsigned(record, place + 8)
        words = []
        for _ in range(2 * count):
            length, place = _unsigned(record, place)
            words.append(record[place : place + length].decode())
            place += length
        yield reference, tuple(zip(words[::2], words[1::2], strict=True))


def _samples(record: bytes) -> Iterator[tuple[int, int, float]]:
    """Reference, milliseconds and value; both told as steps from the record's first."""
    reference, at = struct.unpack_from(">Qq", record, 1)
    place = 17
    while place < len(record):
        step, place = _signed(record, place)
        later, place = _signed(record, place)
        yield reference + step, at + later, struct.unpack_from(">d", record, place)[0]
        place += 8


def _unsigned(data: bytes, place: int) -> tuple[int, int]:
    """A number in base 128, least digit first, and where it ends."""
    value = shift = 0
    while True:
        digit = data[place]
        place += 1
        value |= (digit & 127) << shift
        if digit < 128:
            return value, place
        shift += 7


def _signed(data: bytes, place: int) -> tuple[int, int]:
    value, place = _unsigned(data, place)
    return (value >> 1) ^ -(value & 1), place
