from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from analysis import bundle
from analysis.diagnose import diagnose
from analysis.feedback import say
from benchmarks.suites.documents import read, read_all
from exporters.errors import UsageError
from tests.analysis import scenes
from tests.analysis.scenes import Scene

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"
PAGES = ROOT / "docs" / "benchmarks"

headless = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def execute(name: str, **parameters: Any) -> tuple[str, int]:
        """What the notebook printed, and how many pictures it drew."""
        done = papermill.execute_notebook(
            NOTEBOOKS / name, tmp_path / name, parameters, cwd=tmp_path, progress_bar=False
        )
        outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
        printed = "".join(output.get("text", "") for output in outputs)
        return printed, sum("image/png" in output.get("data", {}) for output in outputs)

    return execute


@pytest.mark.slow
@headless
def test_any_verdict_is_opened_and_its_evidence_walked(run, tmp_path: Path):
    place = tmp_path / "verdicts"
    evidence = Scene(scenes.slow_replica(), phases={"heron": {"decode": 2.0}}).evidence()
    verdict = diagnose(evidence)
    bundle.write(place / f"{verdict.id}-012345", evidence, verdict, "")
    say(place, verdict.id, "confirm", None)
    other = diagnose(Scene(scenes.traffic_burst()).evidence())
    bundle.write(place / f"{other.id}-012345", Scene(scenes.traffic_burst()).evidence(), other, "")
    printed, pictures = run("verdict.ipynb", verdicts=str(place), verdict_id=verdict.id[:12])

    assert "slow_replica at replica/heron, confidence" in printed
    assert "said of it: confirmed: slow_replica@replica/heron" in printed
    assert "no traces    slow_replica at replica/heron" in printed
    assert f"{verdict.id} was right" in printed
    assert pictures == 2


@pytest.mark.slow
@headless
def test_the_benchmarks_are_shown_against_their_bars(run, tmp_path: Path):
    mine = tmp_path / "mine.json"
    cases = [{"id": "a", "rank": 1}, {"id": "b", "rank": 2}]
    summary = {"cases": 2, "top_1": 0.5, "top_1_interval": [0.1, 0.9], "top_3": 1.0}
    mine.write_text(json.dumps({"benchmark": "petshop", "summary": summary, "cases": cases}))
    printed, pictures = run("benchmarks.ipynb", pages=str(PAGES), results=[str(mine)])

    assert "petshop" in printed
    assert "petshop: 1 of 2 not at rank 1" in printed
    assert pictures >= 3


@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_notebooks_are_committed_without_outputs(name: str):
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []


def test_every_committed_page_can_be_read_back():
    documents = {document.name: document for document in read_all(PAGES)}

    assert set(documents) == {path.stem for path in PAGES.glob("*.md")}
    assert documents["petshop"].figures["top_1"][0] > 0.5
    assert len(documents["petshop"].figures["top_1_interval"]) == 2
    assert documents["petshop"].tables[0].columns[0] == "id"
    assert "Measured at commit" in documents["nezha"].measured


def test_what_is_no_result_is_told_in_one_line(tmp_path: Path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[]")

    for path in (wrong, tmp_path / "absent.md"):
        with pytest.raises(UsageError, match="holds no benchmark result: "):
            read(path)
