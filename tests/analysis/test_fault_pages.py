"""The page of each fault that the demo can make, as a phone shows it, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from analysis.config import AnalysisSection
from analysis.diagnose import diagnose
from analysis.language import speaking
from analysis.page import PAGE_LIMIT, render_page
from analysis.sources.gap import Gap
from analysis.verdict import Verdict
from analysis.words import remedy
from demo.faults import FAULTS
from tests.analysis.scenes import Scene
from tests.analysis.test_rootcause import TROUBLES, scene_of

PAGED = [name for name, fault in FAULTS.items() if fault.expected.page]
FIGURE = re.compile(r"\d")
CHINESE = re.compile(r"[一-鿿]")
ENGLISH = re.compile(r"\b(the|is|of|and|than|with)\b")


def verdict_of(fault: str, language: str) -> Verdict:
    section = AnalysisSection(language=language)
    if fault == "telemetry_gap":
        gap = Gap("replica/stilt", "no metrics since 22:13:50 UTC")
        return diagnose(replace(Scene(alert="TargetDown").evidence(), silent=(gap,)), section)
    scene = Scene(TROUBLES[fault][0]) if fault in TROUBLES else scene_of(fault)
    return diagnose(scene.evidence(), section)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("fault", PAGED)
def test_the_page_of_each_fault_reads_well_on_a_phone(fault, language):
    verdict = verdict_of(fault, language)
    lines = render_page(verdict).split("\n\n")[0].splitlines()
    kind = fault if verdict.first else "telemetry_gap"
    with speaking(language):
        wanted = remedy(kind)

    assert sum(map(len, lines)) + len(lines) - 1 <= PAGE_LIMIT
    assert len(lines) <= 6
    assert (verdict.first.kind if verdict.first else "telemetry_gap") == fault
    assert FIGURE.search(lines[1]), "the cause stands on a figure"
    assert lines[-1].endswith(wanted)
    assert all("…" not in line for line in lines)
    for line in lines:
        assert bool(CHINESE.search(line)) is (language == "zh"), line
        assert language == "en" or not ENGLISH.search(line), line
