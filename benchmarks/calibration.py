"""Refit the curve from a verdict's raw confidence to how often it is right.

`python -m benchmarks.calibration DIR [DIR ...]` judges the generated incidents below the folders
with the curve left out, fits an isotonic regression (Zadrozny and Elkan, KDD 2002) and writes its
knots where the analysis reads them. The incidents must be others than those a figure is told of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.isotonic import IsotonicRegression

from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.rootcause.calibration import CURVE, RAW
from benchmarks.suites.incidents import evidence_of, find, rank_of

DOUBT: Final = 2.0
"""Cases that are added half right and half wrong at each end: few cases promise little."""


def main(folders: Sequence[str]) -> int:
    """Fit on every incident below the folders; exit status 2 where there is none."""
    claims = [claim for folder in folders for claim in raw_claims(Path(folder))]
    if not claims:
        sys.stderr.write("no incidents; name folders that `busysignal incidents` wrote\n")
        return 2
    document = {
        "fitted_on": {"incidents": len(claims), "folders": len(folders)},
        "knots": [[round(float(x), 4), round(float(y), 4)] for x, y in knots(claims)],
    }
    CURVE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(document) + "\n")
    return 0


def raw_claims(folder: Path) -> list[tuple[float, bool]]:
    """What each verdict put first: its raw confidence, and whether it was so."""
    found = []
    for case in find(folder):
        evidence, _ = evidence_of(case.folder)
        verdict = diagnose(evidence, AnalysisSection(), knots=RAW)
        if verdict.causes and verdict.causes[0].kind != "none":
            found.append((verdict.causes[0].confidence, rank_of(verdict, case) == 1))
    return found


def knots(claims: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The corners of the isotonic curve, from 0 to 1."""
    said = np.array([0.0, 0.0, *(sure for sure, _ in claims), 1.0, 1.0])
    right = np.array([0.0, 1.0, *(float(hit) for _, hit in claims), 0.0, 1.0])
    weight = np.array([DOUBT / 2] * 2 + [1.0] * len(claims) + [DOUBT / 2] * 2)
    fitted: Any = IsotonicRegression(y_min=0.0, y_max=1.0).fit(said, right, sample_weight=weight)
    return list(zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
