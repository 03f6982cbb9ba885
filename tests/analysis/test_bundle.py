from __future__ import annotations

import os
from pathlib import Path

import pytest

from analysis.bundle import newest
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
