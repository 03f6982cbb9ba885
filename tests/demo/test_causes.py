from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from demo.causes import TREE, gaps, markdown, page
from demo.causes.tree import LOAD, Branch

PAGE = Path(__file__).parents[2] / "docs" / "causes.md"

PLACES = {
    "traffic burst": ("Traffic burst",),
    "long requests (traffic mix)": ("Long requests",),
    "KV cache or GPU memory exhausted": ("KV cache exhausted", "GPU memory full or fragmented"),
    "static scheduling, hot spots": ("Hot spot",),
    "no batching, batch too small": ("Batch too small",),
    "retry storm": ("Retry storm",),
    "missing backoff": ("Missing backoff",),
    "rate limit or quota too small": ("Rate limit too small", "Quota used up"),
    "slow upstream": ("Slow upstream", "Failing upstream"),
    "cold start": ("Cold start",),
    "slow storage": ("Slow storage",),
    "network": ("Network",),
    "CPU starved by neighbours or quota": ("CPU starved",),
    "memory leak to OOM kill": ("Memory leak", "Killed for memory"),
    "downgrade in force": ("Downgrade in force",),
    "cache outage or low hit rate": ("Cache outage", "Low hit rate"),
    "async backlog": ("Backlog of asynchronous work",),
    "single points": ("Metadata store down", "Configuration service down", "Monitoring down"),
    "one region down or far": ("A region is down or far",),
    "sick GPU": ("Throttled GPU", "Failing GPU", "Slower kernels"),
}
"""Causes that on-call engineers wrote down, and where each stands in the tree."""


@pytest.mark.parametrize("cause", PLACES)
def test_every_cause_that_people_met_has_its_place(cause: str):
    names = {leaf.name for branch in TREE for leaf in branch.causes}

    assert set(PLACES[cause]) <= names


def test_every_kind_has_signal_rule_panel_trial_and_remedy_and_all_of_them_exist():
    assert gaps() == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"signals": ()}, "Traffic burst: has no signals"),
        ({"rules": ("QueueDepe",)}, "Traffic burst: no rule is called QueueDepe"),
        ({"trials": ("incidents:imps",)}, "Traffic burst: no trial is called incidents:imps"),
        ({"kind": "gremlins"}, "Traffic burst: kind 'gremlins' is not in the catalogue"),
    ],
)  # fmt: skip
def test_what_a_cause_lacks_is_told(monkeypatch: pytest.MonkeyPatch, changes, says: str):
    burst = replace(LOAD.causes[0], **changes)
    monkeypatch.setattr(page, "TREE", (Branch("Load", "", (burst,)), *TREE[1:]))

    assert says in gaps()


def test_a_kind_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page, "TREE", TREE[1:])

    assert "kind traffic_burst has no place in the tree" in gaps()


def test_single_points_are_marked():
    marked = {leaf.name for branch in TREE for leaf in branch.causes if leaf.single_point}

    assert {"Metadata store down", "Configuration service down", "Monitoring down"} <= marked
    assert all(f"### {name} ◆\n" in markdown() for name in marked)


def test_the_page_is_what_the_tree_renders():
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_every_runbook_it_links_to_is_there():
    rules = {rule for branch in TREE for leaf in branch.causes for rule in leaf.rules}

    assert [rule for rule in rules if not (PAGE.parent / "runbooks" / f"{rule}.md").exists()] == []
