from __future__ import annotations

import os
from collections.abc import Iterator
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
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    evidence = Scene(scenes.slow_replica(), phases={"heron": {"decode": 2.0}}).evidence()
    evidence.save(tmp_path)
    (tmp_path / "verdict.json").write_text(diagnose(evidence).to_json(), encoding="utf-8")
    monkeypatch.setenv("BUSYSIGNAL_BUNDLE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_draws_a_verdicts_evidence(bundle):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(bundle)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]

    assert "slow_replica at replica/heron" in printed
    assert len(pictures) == 2


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
