"""Compare what people see with a committed golden file; `pytest --update-golden` renews them."""

from __future__ import annotations

from pathlib import Path

import pytest


class Golden:
    """The golden files beside one test module, in `golden/`."""

    def __init__(self, folder: Path, *, update: bool) -> None:
        self._folder = folder
        self._update = update

    def check(self, name: str, actual: str) -> None:
        path = self._folder / name
        if self._update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        if not path.exists():
            pytest.fail(f"{path} does not exist; make it with pytest --update-golden")

        assert path.read_text(encoding="utf-8") == actual
