from __future__ import annotations

import json

import polars as pl
import pytest

from analysis.evidence import SECOND, Change, Window
from analysis.frames import SPAN_SCHEMA
from analysis.releases import merged, releases

WINDOW = Window(0, 30 * SECOND, 60 * SECOND)


def spans(*rows: tuple[int, str, str | None, str]) -> pl.DataFrame:
    """(second, service, pod, version) of each span."""
    made = [
        {
            **dict.fromkeys(SPAN_SCHEMA), "ts_ns": second * SECOND, "service": service, "pod": pod,
            "attributes": json.dumps({"resource.service.version": version, "x": '"1"'}),
        }
        for second, service, pod, version in rows
    ]  # fmt: skip
    return pl.DataFrame(made, schema=dict(SPAN_SCHEMA))


@pytest.mark.parametrize(
    ("service", "pod", "entity"),
    [
        ("gateway", "g-1", "gateway"),
        ("replica", "heron", "replica/heron"),
        ("features", None, "upstream/features"),
    ],
)
def test_a_version_that_begins_inside_the_window_is_a_deploy(service, pod, entity):
    old = spans(*((second, service, pod, "1.4") for second in range(0, 40, 2)))
    new = spans(*((second, service, pod, "1.5") for second in range(41, 60, 2)))

    assert releases([old, new], WINDOW) == (
        Change(41 * SECOND, "deploy", entity, "1.4", "1.5", "service.version"),
    )


def test_two_versions_side_by_side_all_along_are_no_change():
    both = spans((0, "features", None, "1.4"), (1, "features", None, "1.5"),
                 (50, "features", None, "1.4"), (51, "features", None, "1.5"))  # fmt: skip

    assert releases([both], WINDOW) == ()


def test_spans_that_tell_no_version_tell_no_change():
    mute = spans((0, "features", None, "1.4")).with_columns(attributes=pl.lit("{}"))

    assert releases([mute, pl.DataFrame(), mute.with_columns(attributes=None)], WINDOW) == ()


def test_one_deploy_told_by_two_sources_is_one():
    posted = Change(40 * SECOND, "deploy", "replica/r1", "1.4", "1.5", "llm_replica_info")
    spoken = Change(41 * SECOND, "deploy", "replica/r1", "1.4", "1.5", "service.version")
    other = Change(45 * SECOND, "deploy", "gateway", "2", "3", "service.version")
    restarts = [
        Change(at, "restart", "replica/r1", "a", "b", "process_start_time") for at in (1, 2)
    ]

    assert merged([posted, *restarts], [spoken, other]) == (posted, *restarts, other)
