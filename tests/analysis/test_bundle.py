from __future__ import annotations

import os
from pathlib import Path

import pytest

from analysis.bundle import folder_of, newest, prune
from exporters.errors import UsageError


def keep(folder: Path, second: int) -> Path:
    folder.mkdir()
    (folder / "verdict.json").write_text("{}", encoding="utf-8")
    os.utime(folder / "verdict.json", (second, second))
    return folder


def test_of_all_kept_verdicts_the_newest_is_opened(tmp_path: Path):
    keep(tmp_path / "v-b", 100)
    latest = keep(tmp_path / "v-a", 300)
    keep(tmp_path / "v-c", 200)
    (tmp_path / "v-d").mkdir()  # being written just now

    assert newest(tmp_path) == latest


def test_a_folder_that_holds_a_verdict_is_the_one(tmp_path: Path):
    keep(tmp_path / "v-new", 300)
    old = keep(tmp_path / "v-old", 100)

    assert newest(old) == old


@pytest.mark.parametrize("name", ["", "absent"])
def test_a_folder_without_verdicts_is_told_in_one_line(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match=r"holds no verdict; name the folder that \[watch\]"):
        newest(tmp_path / name)


def sized(folder: Path, second: int, size: int) -> Path:
    keep(folder, second)
    (folder / "series.parquet").write_bytes(b"x" * size)
    return folder


def test_what_is_too_old_goes_but_never_that_of_an_open_incident(tmp_path: Path):
    old = sized(tmp_path / "v-a-1", 100, 10)
    lasting = sized(tmp_path / "v-b-1", 150, 10)
    new = sized(tmp_path / "v-c-1", 300, 10)
    (tmp_path / "feedback.jsonl").write_text("{}\n")

    assert prune(tmp_path, before_ns=200 * 10**9, keep_bytes=10**9, but={lasting}) == 1
    assert (old.exists(), lasting.exists(), new.exists()) == (False, True, True)
    assert (tmp_path / "feedback.jsonl").exists()


def test_of_too_much_the_oldest_goes(tmp_path: Path):
    found = [sized(tmp_path / f"v-{name}-1", 100 + name, 1000) for name in range(5)]

    assert prune(tmp_path, before_ns=0, keep_bytes=3100, but=()) == 2
    assert [path.exists() for path in found] == [False, False, True, True, True]


def test_what_a_crash_left_half_written_goes_after_an_hour(tmp_path: Path):
    torn, fresh = tmp_path / "v-a-1", tmp_path / "v-b-1"
    for folder in (torn, fresh):
        folder.mkdir()
    os.utime(torn, (100, 100))

    assert prune(tmp_path, before_ns=0, keep_bytes=10**9, but=()) == 0
    assert (torn.exists(), fresh.exists()) == (False, True)


def test_a_verdict_is_found_by_the_beginning_of_its_id(tmp_path: Path):
    found = keep(tmp_path / "v-0123456789abcdef-aaaaaa", 100)
    keep(tmp_path / "v-0199999999999999-bbbbbb", 200)

    assert folder_of(tmp_path, "v-0123") == found
    with pytest.raises(
        UsageError, match="'v-01' fits v-0123456789abcdef, v-0199999999999999; give"
    ):
        folder_of(tmp_path, "v-01")
    with pytest.raises(UsageError, match="no verdict 'v-7' in"):
        folder_of(tmp_path, "v-7")
