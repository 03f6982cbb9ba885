"""Readings that one driver call answers together: NVML's field values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporters.gpu.families import Family, Field, Labels
from exporters.gpu.families.family import Links
from exporters.gpu.families.links import C2C_COUNT, NVLINK_COUNT
from exporters.gpu.nvml import AbsentError, Handle
from exporters.gpu.nvml.fields import Answer, FieldBatch
from exporters.gpu.reading.tally import ABSENT, SUPPORTED, Tally

MAX_LINKS: Final = 144
"""A driver that tells of more is not believed."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field and where its answer goes."""

    family: Family
    field: Field
    scope: int
    labels: Labels

    @property
    def address(self) -> tuple[int, int]:
        return self.field.id, self.scope


class Fields:
    """Asks for every field on a full pass; between them for those that change and have a value."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(family for family in families if family.fields)
        self._counts = FieldBatch([(NVLINK_COUNT, 0), (C2C_COUNT, 0)])
        self._slots: tuple[Slot, ...] = ()
        self._links: Mapping[Links, int] = {}
        self._all = self._quick = FieldBatch([])
        self._quick_slots: tuple[Slot, ...] = ()

    def read(self, handle: Handle, tally: Tally) -> None:
        if not tally.is_full:
            self._answered(handle, tally, self._quick, self._quick_slots)
            return
        self._find_links(handle, tally)
        answers = self._answered(handle, tally, self._all, self._slots)
        self._quick_slots = tuple(
            slot
            for slot, (_, error) in zip(self._slots, answers, strict=False)
            if not slot.family.is_slow and not isinstance(error, AbsentError)
        )
        self._quick = FieldBatch([slot.address for slot in self._quick_slots])

    def release(self) -> None:
        """Nothing is held in the driver."""

    def _answered(
        self, handle: Handle, tally: Tally, batch: FieldBatch, slots: tuple[Slot, ...]
    ) -> list[Answer]:
        if not slots:
            return []
        with tally.asking(slots[0].family) as asking:
            answers = batch.read(handle)
            for slot, answer in zip(slots, answers, strict=True):
                _take(tally, slot, answer)
            return answers
        if asking.error is not None:  # the call as a whole failed: none of them can be told
            for family in {slot.family.name: slot.family for slot in slots}.values():
                tally.failed(family, asking.error)
        return []

    def _find_links(self, handle: Handle, tally: Tally) -> None:
        with tally.asking(self._families[0]):
            nvlink, c2c = (count or 0 for count, _ in self._counts.read(handle))
            links: Mapping[Links, int] = {"nvlink": _believed(nvlink), "c2c": _believed(c2c)}
            if self._slots and links == self._links:
                return
            self._links = links
        self._slots = tuple(
            slot
            for family in self._families
            for field in family.fields
            for slot in _expanded(family, field, self._links)
        )
        self._all = FieldBatch([slot.address for slot in self._slots])


def _expanded(family: Family, field: Field, links: Mapping[Links, int]) -> Iterator[Slot]:
    if field.each is None:
        yield Slot(family, field, field.scope, field.labels)
        return
    for link in range(links.get(field.each, 0)):
        yield Slot(family, field, link, (str(link), *field.labels))


def _take(tally: Tally, slot: Slot, answer: Answer) -> None:
    field, family = slot.field, slot.family
    value, error = answer
    if error is not None:
        tally.failed(family, error)
        return
    if value is not None:
        value = field.convert(value) if field.convert else value * field.scale
    if value is None:
        tally.came_out(family, ABSENT)
        return
    target = tally.target(family, field.signal)
    if field.states:
        for code, state in enumerate(field.states):
            target[*slot.labels, state] = float(code == value)
    else:
        target[slot.labels] = value
    tally.came_out(family, SUPPORTED)


def _believed(count: float) -> int:
    return int(count) if 0 < count <= MAX_LINKS else 0
