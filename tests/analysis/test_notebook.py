from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from analysis.diagnose import diagnose
from tests.analysis import scenes
from tests.analysis.scenes import Scene

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "verdict.ipynb"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    evidence = Scene(scenes.slow_replica(), phases={"heron": {"decode": 2.0}}).evidence()
    folder = tmp_path / "verdicts" / "v-0123456789abcdef-012345"
    evidence.save(folder)
    (folder / "verdict.json").write_text(diagnose(evidence).to_json(), encoding="utf-8")
    monkeypatch.delenv("BUSYSIGNAL_BUNDLE", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_draws_the_newest_verdicts_evidence(place):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(place)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]

    assert "slow_replica at replica/heron" in printed
    assert len(pictures) == 2


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
