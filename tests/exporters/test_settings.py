from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from exporters.errors import UsageError
from exporters.settings import Section, load


class Watch(Section):
    port: int = Field(default=9470, ge=1, le=65535)
    pager_url: str = ""


class Config(Section):
    watch: Watch = Watch()


def write(folder: Path, text: str) -> Path:
    path = folder / "busysignal.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold():
    assert Config() == load(Config, None, {})


def test_the_environment_overrides_the_file(tmp_path: Path):
    path = write(tmp_path, "[watch]\nport = 1\n")

    assert load(Config, path, {"BUSYSIGNAL__WATCH__PORT": "2", "OTHER": "3"}).watch.port == 2


def test_an_unknown_key_names_the_file_the_key_and_the_nearest_valid_one(tmp_path: Path):
    path = write(tmp_path, "[watch]\npager_ulr = 'x'\n")

    with pytest.raises(UsageError) as error:
        load(Config, path, {})

    assert f"{path}: unknown key watch.pager_ulr; did you mean pager_url?" == str(error.value)


def test_an_unknown_key_near_to_nothing_lists_what_is_allowed(tmp_path: Path):
    path = write(tmp_path, "[watch]\nzzz = 1\n")

    with pytest.raises(UsageError) as error:
        load(Config, path, {})

    assert f"{path}: unknown key watch.zzz; allowed: pager_url, port" == str(error.value)


def test_a_wrong_value_is_shown_with_what_is_allowed(tmp_path: Path):
    path = write(tmp_path, "[watch]\nport = 70000\n")

    with pytest.raises(UsageError) as error:
        load(Config, path, {})

    assert (
        f"{path}: watch.port = 70000 is not valid: Input should be less than or equal to 65535"
        == str(error.value)
    )


def test_a_missing_file_is_said_in_one_line(tmp_path: Path):
    path = tmp_path / "absent.toml"

    with pytest.raises(UsageError) as error:
        load(Config, path, {})

    assert (
        f"config {path} does not exist; give --config FILE, or leave it out for the defaults"
        == str(error.value)
    )


def test_a_file_that_is_not_toml_says_where(tmp_path: Path):
    path = write(tmp_path, "[watch\n")

    with pytest.raises(UsageError, match="is not TOML: .*line 1.*; correct that line"):
        load(Config, path, {})


def test_a_section_in_the_place_of_a_value_is_refused(tmp_path: Path):
    path = write(tmp_path, "watch = 3\n")

    with pytest.raises(UsageError, match="watch = 3 is not valid: "):
        load(Config, path, {})


def test_an_override_below_a_value_is_refused_not_raised(tmp_path: Path):
    path = write(tmp_path, "watch = 3\n")

    with pytest.raises(UsageError, match="WATCH__PORT: watch is a value, not a section"):
        load(Config, path, {"BUSYSIGNAL__WATCH__PORT": "2"})
