from __future__ import annotations

from pathlib import Path

from busysignal import settings


def written(folder: Path, text: str) -> Path:
    path = folder / "busysignal.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_time_is_scaled_once_for_rules_and_analysis(tmp_path: Path):
    config = settings(written(tmp_path, "[rules]\ntime_scale = 60\n"))

    assert 60 == config.analysis.time_scale
    assert 22 == config.analysis.baseline


def test_the_analysis_may_be_told_another_scale(tmp_path: Path):
    text = "[rules]\ntime_scale = 60\n[analysis]\ntime_scale = 30\n"

    assert 30 == settings(written(tmp_path, text)).analysis.time_scale
