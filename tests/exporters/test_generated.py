from __future__ import annotations

from pathlib import Path

from exporters.generated import Generated

TEXTS = {"a.yml": "1\n", "below/b.yml": "2\n"}


def test_what_is_written_is_fresh(tmp_path: Path):
    files = Generated(tmp_path / "new", TEXTS, "make them")

    assert [tmp_path / "new/a.yml", tmp_path / "new/below/b.yml"] == files.write()
    assert [] == files.stale()


def test_files_that_are_left_over_changed_or_missing_are_told_with_the_command(tmp_path: Path):
    files = Generated(tmp_path, TEXTS, "make them")
    files.write()
    (tmp_path / "below/old.yml").touch()
    (tmp_path / "a.yml").write_text("0\n", encoding="utf-8")
    (tmp_path / "below/b.yml").unlink()

    assert [
        f"{tmp_path}/below/old.yml belongs to nothing any more; delete it",
        f"{tmp_path}/a.yml is stale; renew it with `make them`",
        f"{tmp_path}/below/b.yml is missing; make it with `make them`",
    ] == files.stale()


def test_folders_below_that_hold_none_of_them_belong_to_others(tmp_path: Path):
    Generated(tmp_path, TEXTS, "make them").write()
    (tmp_path / "others").mkdir()
    (tmp_path / "others/c.yml").touch()

    assert [] == Generated(tmp_path, TEXTS, "make them").stale()


def test_a_file_among_those_of_others_says_nothing_of_them(tmp_path: Path):
    (tmp_path / "of-others.md").touch()
    files = Generated(tmp_path, {"page.md": "text\n"}, "make it", alone=False)
    files.write()

    assert [] == files.stale()
