"""The analyst's notebooks run headless and say what their truth is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "notebooks"
SAYS = {
    "anomalies": [
        "period 24 h", "rows without a p-value: 12", "discovery rate of .05: [3, 50, 120]",
    ],
    "logs": [
        "gaps: []", "│ new ", "│ vanished ", "│ burst ", "upstream <*> answered",
        "what varies: [['",
    ],
    "forecast": [
        "2688 steps of 900 s, 2680 of them measured",
        "crosses its capacity of 150 in ",
        "stays below its capacity of 1000",
        "held back: 0.",
        "too little history: 5 measured values, and 8 are needed",
    ],
}  # fmt: skip


def outputs(name: str, folder: Path) -> list[dict[str, Any]]:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_finds_what_it_hid(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    found = outputs(name, tmp_path)

    texts = [output.get("text", "") or output.get("data", {}).get("text/plain", "")
             for output in found]  # fmt: skip
    printed = "\n".join(texts)
    assert [] == [word for word in SAYS[name] if word not in printed], printed
    assert any("image/png" in output.get("data", {}) for output in found)


@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_is_committed_without_outputs(name: str):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
