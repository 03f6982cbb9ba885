"""The device's health: memory errors and repairs, what must be done, the fabric."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import product, starmap
from typing import Final

import exporters.catalog.gpu_health as signals
from exporters.catalog.signal import Counter
from exporters.gpu.families.family import (
    Family,
    Field,
    Question,
    Sample,
    flag,
    one,
    table,
)
from exporters.gpu.nvml import Handle, health

_LOCATIONS: Final = ("l1_cache", "l2_cache", "dram", "register_file", "texture")
"""Where the field values count both kinds of error, in the order of their ids (until Volta)."""


def _location_fields() -> Iterable[Field]:
    spans = (
        (signals.ECC_LOCATION_ERRORS, 7, 17),
        (signals.ECC_LOCATION_LIFETIME_ERRORS, 18, 28),
    )
    for signal, first, cbu in spans:
        kinds = product(_LOCATIONS, signals.ECC_TYPES)
        for id_, (location, kind) in enumerate(kinds, start=first):
            yield Field(id_, signal, (kind, location))
        yield Field(cbu, signal, ("uncorrected", "cbu"))


def _counters(signal: Counter, span: str) -> Iterable[Question]:
    """What the field values do not count from Ampere on."""

    def question(kind: str, location: str) -> Question:
        read = partial(health.ecc_errors, kind=kind, span=span, location=location)
        return lambda handle: ((signal, (kind, location), read(handle)),)

    return starmap(question, product(signals.ECC_TYPES, ("dram", "sram")))


def _fabric(handle: Handle) -> Iterable[Sample]:
    told = health.fabric(handle)
    yield signals.FABRIC_INFO, (told.cluster, str(told.clique)), 1.0
    yield signals.FABRIC_FAILED, (), float(told.failed)
    for state in signals.FABRIC_STATES:
        yield signals.FABRIC_STATE, (state,), float(state == told.state)
    if told.health is not None:
        for state in signals.FABRIC_HEALTH:
            yield signals.FABRIC_HEALTH_STATE, (state,), float(state == told.health)
    for problem, is_there in told.problems.items():
        yield signals.FABRIC_PROBLEM, (problem,), float(is_there)


FAMILIES: Final = (
    Family(
        "recovery_action",
        fields=(Field(230, signals.RECOVERY_ACTION, states=signals.RECOVERY_ACTIONS),),
    ),
    Family(
        "ecc",
        fields=tuple(
            Field(id_, signals.ECC_ERRORS, (kind, span))
            for id_, (span, kind) in enumerate(
                product(signals.ECC_SPANS, signals.ECC_TYPES), start=3
            )
        ),
    ),
    Family(
        "ecc_locations",
        (
            *_counters(signals.ECC_LOCATION_ERRORS, "volatile"),
            *_counters(signals.ECC_LOCATION_LIFETIME_ERRORS, "aggregate"),
        ),
        tuple(_location_fields()),
        is_slow=True,
    ),
    Family(
        "sram_threshold",
        (one(signals.SRAM_THRESHOLD, health.sram_threshold_exceeded),),
        is_slow=True,
    ),
    Family(
        "retired_pages",
        fields=(
            Field(29, signals.RETIRED_PAGES, ("single_bit",)),
            Field(30, signals.RETIRED_PAGES, ("double_bit",)),
            Field(31, signals.RETIRED_PENDING, convert=flag),
        ),
    ),
    Family(
        "remapped_rows",
        fields=(
            Field(142, signals.REMAPPED_ROWS, ("correctable",)),
            Field(143, signals.REMAPPED_ROWS, ("uncorrectable",)),
            Field(144, signals.REMAP_PENDING, convert=flag),
            Field(145, signals.REMAP_FAILURE, convert=flag),
        ),
    ),
    Family("row_banks", (table(signals.ROW_BANKS, health.row_banks),), is_slow=True),
    Family("repairs", (table(signals.REPAIR_PENDING, health.repairs),), is_slow=True),
    Family("fabric", (_fabric,), is_slow=True),
)
