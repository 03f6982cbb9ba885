from __future__ import annotations

from pathlib import Path

import httpx
import orjson
import pytest

from demo import record, report, series
from demo.outcome import Outcome
from exporters.errors import ServerMissingError, UsageError
from tests.golden import Golden

NAMED = Outcome(
    fault="slow_replica", seed=7, expected="slow_replica at replica/vega",
    named="slow_replica at replica/vega", rank=1, page_seconds=7.94, verdict_seconds=0.66,
    met=True, why="", peak_bytes=3 << 30, seconds=55.2,
)  # fmt: skip
MISSED = Outcome(
    fault="none", seed=7, expected="no page", named="traffic_burst at clients", rank=None,
    page_seconds=3.0, verdict_seconds=None, met=False, why="it paged although nothing was wrong",
)  # fmt: skip


def planned(
    seeds: range,
    *done: Outcome,
    names: tuple[str, ...] = ("none", "slow_replica"),
    engine: str = "tiny",
):
    return [(fault.name, seed) for fault, seed in series._plan(names, seeds, done, engine)]


def test_every_fault_runs_with_one_seed_before_the_next_seed():
    assert [("none", 7), ("slow_replica", 7), ("none", 8), ("slow_replica", 8)] == planned(
        range(7, 9)
    )


def test_what_an_earlier_series_finished_is_not_repeated():
    assert [("none", 8), ("slow_replica", 8)] == planned(range(7, 9), NAMED, MISSED)


def test_an_unknown_fault_is_refused_before_anything_starts():
    with pytest.raises(UsageError, match="no fault is called 'gremlins'; allowed: all, none, "):
        planned(range(7, 8), names=("gremlins",))


def test_outcomes_survive_in_the_file(tmp_path: Path):
    path = tmp_path / "runs.json"
    series._write(path, [NAMED, MISSED])

    assert [NAMED, MISSED] == series.read(path)


@pytest.mark.parametrize("content", [b"{", b"[]", orjson.dumps({"runs": [{"fault": "none"}]})])
def test_a_file_of_another_kind_is_refused_and_kept(tmp_path: Path, content: bytes):
    path = tmp_path / "other.json"
    path.write_bytes(content)

    with pytest.raises(UsageError) as error:
        series.read(path)

    assert f"{path} is no table of runs; give another --json file" == str(error.value)
    assert content == path.read_bytes()


def test_a_server_that_goes_away_in_the_middle_is_one_line():
    with pytest.raises(ServerMissingError) as error, series._in_one_line():
        httpx.get("http://127.0.0.1:9")

    assert str(error.value).startswith("a server went away in the middle of the run (ConnectError")
    assert "\n" not in str(error.value)


def test_the_table_at_the_end_reads_well(golden: Golden, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report.OUT, "width", 160)
    with report.OUT.capture() as captured:
        report.table([NAMED, MISSED])

    golden.check("table.txt", captured.get())


def test_the_page_of_a_series_reads_well(golden: Golden):
    golden.check("demo.md", record.page([NAMED, MISSED], "Two cores."))


def test_a_fault_that_is_not_for_the_engine_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(UsageError) as error:
        series.play(["gpu_fault"], seed=1, seeds=1, folder=tmp_path, json=None, engine="llama")

    assert str(error.value) == (
        "gpu_fault is not for the engine 'llama', only for tiny; allowed with it: all, none, "
        "slow_replica, traffic_burst, retry_storm, upstream_slow, rate_limit, client_gone_storm, "
        "cpu_starvation"
    )
    assert list(tmp_path.iterdir()) == []


def test_all_is_what_suits_the_engine():
    assert "gpu_fault" in {name for name, _ in planned(range(7, 8), names=("all",))}
    assert "gpu_fault" not in {
        name for name, _ in planned(range(7, 8), names=("all",), engine="llama")
    }


def test_the_same_fault_and_seed_behind_another_engine_is_another_run():
    assert [("none", 7)] == planned(range(7, 8), MISSED, names=("none",), engine="llama")
