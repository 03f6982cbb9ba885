"""What a verdict says of a kind of trouble that it has never heard of.

`python -m benchmarks.left_out DIR` takes each kind in turn out of what can be named, judges the
incidents of that kind below DIR again, and tells how often another kind is named in its place with
confidence. Fits the curve of confidence without that kind, too, and scores it there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np

from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.rootcause import scoring
from analysis.rootcause.calibration import RAW
from analysis.rootcause.hypotheses import HYPOTHESES
from benchmarks._rounds import table
from benchmarks.calibration import knots
from benchmarks.suites.incidents import SINGLE, Case, evidence_of, find, rank_of
from exporters.errors import UsageError

GAP: Final = "telemetry_gap"
"""No hypothesis names it: `data_quality` tells of it."""


@dataclass(frozen=True)
class Row:
    """One kind: its incidents, in how many another was named, and the score of its confidences."""

    kind: str
    cases: int
    named_wrong: int
    brier: float | None


def run(folder: Path) -> list[Row]:
    """One row for each kind that has incidents below the folder; UsageError where none has."""
    cases = [case for case in find(folder) if case.kind in SINGLE - {GAP}]
    if not cases:
        raise UsageError(f"no incidents below {folder}; make some with `busysignal incidents`")
    claims = {case.name: _raw_claim(case) for case in cases}
    return [_row(kind, cases, claims) for kind in sorted({case.kind for case in cases})]


def without(kind: str) -> AbstractContextManager[object]:
    """Nobody has heard of this kind while it lasts."""
    known = tuple(one for one in HYPOTHESES if one.kind != kind)
    return patch.object(scoring, "HYPOTHESES", known)


Claim = tuple[float, bool]


def _row(kind: str, cases: Sequence[Case], claims: dict[str, Claim | None]) -> Row:
    own = [case for case in cases if case.kind == kind]
    apart = [claim for case in cases if case.kind != kind and (claim := claims[case.name])]
    told = [claim for case in own if (claim := claims[case.name])]
    curve = np.array(knots(apart))
    sure = [float(np.interp(raw, curve[:, 0], curve[:, 1])) for raw, _ in told]
    errors = [(one - right) ** 2 for one, (_, right) in zip(sure, told, strict=True)]
    with without(kind):
        wrong = sum(_is_named(case) for case in own)
    return Row(kind, len(own), wrong, float(np.mean(errors)) if errors else None)


def _is_named(case: Case) -> bool:
    evidence, section = evidence_of(case.folder)
    return diagnose(evidence, section).result == "named"


def _raw_claim(case: Case) -> Claim | None:
    evidence, _ = evidence_of(case.folder)
    verdict = diagnose(evidence, AnalysisSection(), knots=RAW)
    if not verdict.causes or verdict.causes[0].kind == "none":
        return None
    return verdict.causes[0].confidence, rank_of(verdict, case) == 1


def as_text(rows: Sequence[Row]) -> str:
    """A Markdown table of the kinds, then the shares over all."""
    cells: list[tuple[str, ...]] = [
        (row.kind, str(row.cases), str(row.named_wrong), _score(row.brier)) for row in rows
    ]
    cases, wrong = sum(row.cases for row in rows), sum(row.named_wrong for row in rows)
    return "\n".join(
        [
            table(("kind left out", "cases", "another named", "Brier"), cells),
            "",
            f"another named: {wrong} of {cases}; abstained: {1 - wrong / cases:.3f}",
        ]
    )


def _score(brier: float | None) -> str:
    return "–" if brier is None else f"{brier:.3f}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; exit status 2 where there is nothing to judge."""
    try:
        sys.stdout.write(as_text(run(Path(arguments[0] if arguments else "."))) + "\n")
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
