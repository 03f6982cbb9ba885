from __future__ import annotations

import errno
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


class Quantities(Section):
    pause_seconds: float = Field(default=1, ge=0)
    whole_seconds: int = 1
    wait_seconds: float | None = None
    file_bytes: int = 1
    duty_ratio: float = 1
    port: int = 1


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


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, monkeypatch, is_folder):
    path = tmp_path / "busysignal.toml"
    reason = "Is a directory" if is_folder else "Permission denied"
    if is_folder:
        path.mkdir()
    else:

        def refuse(*_: object, **__: object) -> str:
            raise PermissionError(errno.EACCES, reason)

        monkeypatch.setattr(Path, "read_text", refuse)  # root may read anything

    with pytest.raises(UsageError) as error:
        load(Config, path, {})

    assert (
        f"config {path} cannot be read: {reason}; name a TOML file that this user may read"
        == str(error.value)
    )


def test_a_wrong_value_of_the_environment_names_its_variable_not_the_file(tmp_path: Path):
    path = write(tmp_path, "[watch]\nport = 9470\n")

    with pytest.raises(UsageError) as error:
        load(Config, path, {"BUSYSIGNAL__WATCH__PORT": "70000"})

    assert (
        "BUSYSIGNAL__WATCH__PORT: watch.port = '70000' is not valid: "
        "Input should be less than or equal to 65535"
    ) == str(error.value)


def test_an_unknown_key_of_the_environment_names_its_variable(tmp_path: Path):
    path = write(tmp_path, "[watch]\nport = 9470\n")

    with pytest.raises(UsageError) as error:
        load(Config, path, {"BUSYSIGNAL__WATCH__PROT": "1"})

    assert "BUSYSIGNAL__WATCH__PROT: unknown key watch.prot; did you mean port?" == str(error.value)


def test_a_wrong_value_of_the_file_names_the_file_though_the_environment_says_something(
    tmp_path: Path,
):
    path = write(tmp_path, "[watch]\nport = 70000\n")

    with pytest.raises(UsageError, match=f"^{path}: watch.port = 70000"):
        load(Config, path, {"BUSYSIGNAL__WATCH__PAGER_URL": "http://pager"})


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("pause_seconds", "30s", "a plain number of seconds, such as 30"),
        ("whole_seconds", "1m", "a plain number of seconds, such as 30"),
        ("file_bytes", "64 MiB", "a plain number of bytes, such as 1048576"),
        ("duty_ratio", "5%", "a plain share, such as 0.05 for 5 %"),
        ("wait_seconds", "30s", "a plain number of seconds, such as 30"),
    ],
)
def test_a_quantity_with_a_unit_is_told_which_unit_it_has(tmp_path: Path, key, text, wanted):
    path = write(tmp_path, f"{key} = '{text}'\n")

    with pytest.raises(UsageError) as error:
        load(Quantities, path, {})

    assert f"{path}: {key} = '{text}' is not valid: give {wanted}" == str(error.value)


@pytest.mark.parametrize(
    ("key", "text"), [("pause_seconds", "-1"), ("whole_seconds", "1.5"), ("port", "30s")]
)
def test_other_texts_and_fields_are_told_what_pydantic_says(key, text):
    with pytest.raises(UsageError, match=f"{key} = '{text}' is not valid: Input should be "):
        load(Quantities, None, {f"BUSYSIGNAL__{key.upper()}": text})
