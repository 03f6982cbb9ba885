from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import disguise, left_out, suites
from benchmarks.disguise import Look
from benchmarks.suites import disguises
from benchmarks.suites.result import NoLayoutError
from demo.incidents import incident
from exporters.errors import UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for kind in ("upstream_slow", "quota"):
        incident.make(kind, f"bench/{kind}", folder / kind)
    return folder


def judged(folder: Path) -> dict[str, tuple[object, ...]]:
    cases = suites.run("incidents", folder).cases
    return {one["trouble"]: (one["named"], one["rank"], one["confidence"]) for one in cases}


def test_looks_change_no_verdict(data, tmp_path):
    look = Look("all at once", names=True, columns=True, rows=True, hours=3)
    disguise.incidents(data, tmp_path / "set", look)
    upstream = json.loads((tmp_path / "set" / "upstream_slow" / "truth.json").read_text())

    assert upstream["entities"] != ["upstream/search"]
    assert all(one.startswith("upstream/n") for one in upstream["entities"])
    assert judged(tmp_path) == judged(data)


def test_a_kind_that_cannot_be_named_is_not_named(data):
    rows = {row.kind: row for row in left_out.run(data)}

    assert set(rows) == {"quota", "upstream_slow"}
    assert all(row.cases == 1 for row in rows.values())
    with left_out.without("quota"):
        assert judged(data)["quota"][1] is None
    assert judged(data)["quota"][1] == 1


def test_nothing_to_leave_out_is_told(tmp_path, capsys):
    with pytest.raises(UsageError, match="no incidents below"):
        left_out.run(tmp_path)

    assert left_out.main([str(tmp_path)]) == 2
    assert "busysignal incidents" in capsys.readouterr().err


def test_each_look_is_a_row_with_its_fall_and_only_a_dropped_source_has_no_bar(data, monkeypatch):
    few = disguises.SETS["incidents"].__class__(
        disguise.incidents, disguises.incidents.run, "top_1", "top_3", ("metrics",), draws=1
    )
    monkeypatch.setattr(disguises, "SETS", {"incidents": few})
    monkeypatch.setattr(disguises, "LOOKS", disguises.LOOKS[:1])
    rows = {row["id"]: row for row in suites.run("disguises", data).cases}

    assert rows["incidents, names"]["fall"] == 0.0
    assert rows["incidents, without metrics"]["fall"] > 0
    assert rows["incidents, without metrics"]["bar"] is None
    assert rows["incidents, a tenth lost"]["bar"] == 0.03


def test_a_folder_without_any_set_has_no_layout(tmp_path):
    with pytest.raises(NoLayoutError, match="petshop, nezha, incidents"):
        suites.run("disguises", tmp_path)
