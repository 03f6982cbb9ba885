from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import busysignal
from demo.faults import FAULTS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
ROWS = {
    cells[1].strip(): cells[-2].strip()
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| |")
    for cells in [line.split("|")]
}
COMMANDS = sorted({shown.strip("`") for shown in ROWS.values() if shown != "read"})


def test_each_row_names_its_command_or_says_that_it_was_only_read():
    assert [name for name, shown in ROWS.items() if not re.fullmatch("read|`[^`]+`", shown)] == []
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_of_a_row_runs_what_is_here(command: str):
    program, *arguments = shlex.split(command)
    if program == "pytest":
        where, _, wanted = " ".join(arguments).partition(" -k ")
        tests = "".join((ROOT / path).read_text(encoding="utf-8") for path in where.split())
        assert re.search(rf"^def test_\w*{wanted}", tests, re.MULTILINE)
    elif program == "grep":
        assert arguments[1] in (ROOT / arguments[2]).read_text(encoding="utf-8")
    else:
        name, *options = arguments
        known = {
            opt for one in get_command(busysignal.app).commands[name].params for opt in one.opts
        }
        assert {option for option in options if option.startswith("--")} <= known
        assert "--fault" not in options or options[-1] in FAULTS
