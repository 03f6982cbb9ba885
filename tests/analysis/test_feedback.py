from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from analysis import bundle
from analysis.diagnose import diagnose
from analysis.evidence import Alert, Evidence
from analysis.feedback import FILE, Truth, labelled, parse_cause, say, words
from analysis.show import shown
from analysis.similar import Memory, alike, features, score
from analysis.verdict import Verdict
from exporters.errors import UsageError
from tests.analysis import scenes
from tests.analysis.scenes import Scene

ROOT = Path(__file__).parents[2]
HOUR = 3_600_000_000_000
SLOW = Scene(scenes.slow_replica()).evidence()


def kept(place: Path, evidence: Evidence, hours: int = 0) -> Verdict:
    begun = Alert("Slow", scenes.WINDOW.start_ns - hours * HOUR)
    evidence = replace(evidence, alert=begun)
    verdict = diagnose(evidence)
    bundle.write(place / f"{verdict.id}-{hours:06d}", evidence, verdict, "")
    return verdict


def test_a_confirmed_verdict_is_a_labelled_case(tmp_path: Path):
    verdict = kept(tmp_path, SLOW)
    say(tmp_path, verdict.id, "confirm", None, "kim")
    (case,) = labelled(tmp_path)

    assert case.truth == Truth("slow_replica", "replica/heron")
    assert (case.verdict.id, case.right) == (verdict.id, True)
    assert Evidence.load(case.folder).series.height == SLOW.series.height


def test_the_last_word_counts_and_the_others_stay_in_the_file(tmp_path: Path):
    verdict = kept(tmp_path, SLOW)
    say(tmp_path, verdict.id, "confirm", None)
    say(tmp_path, verdict.id, "reject", parse_cause("cpu_starvation@replica/heron"))
    (case,) = labelled(tmp_path)

    assert case.truth == Truth("cpu_starvation", "replica/heron")
    assert case.right is False
    assert len((tmp_path / FILE).read_text().splitlines()) == 2


def test_a_rejected_verdict_without_a_cause_says_only_what_it_was_not(tmp_path: Path):
    verdict = kept(tmp_path, SLOW)
    say(tmp_path, verdict.id, "reject", None)
    (case,) = labelled(tmp_path)

    assert (case.truth, case.right) == (None, False)


def test_an_abstaining_verdict_is_confirmed_only_with_a_cause(tmp_path: Path):
    verdict = kept(tmp_path, Scene(scenes.FELT).evidence())
    with pytest.raises(UsageError, match="names no cause to confirm; say what it was with --cause"):
        say(tmp_path, verdict.id, "confirm", None)
    say(tmp_path, verdict.id, "confirm", Truth("unknown"))

    assert words(tmp_path)[verdict.id].cause == Truth("unknown")


def test_a_line_that_a_crash_cut_off_costs_no_other(tmp_path: Path):
    first, second = kept(tmp_path, SLOW), kept(tmp_path, SLOW, hours=1)
    say(tmp_path, first.id, "confirm", None)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"ts_ns": 1, "verd')
    say(tmp_path, second.id, "confirm", None)

    assert set(words(tmp_path)) == {first.id, second.id}


def test_an_unknown_kind_is_told_with_those_allowed():
    with pytest.raises(UsageError, match=r"'gremlins' names no kind of cause; allowed: traffic_"):
        parse_cause("gremlins")


def test_a_past_incident_of_the_same_kind_and_place_is_the_most_alike(tmp_path: Path):
    elsewhere = kept(tmp_path, Scene(scenes.slow_replica("stilt")).evidence(), hours=3)
    same = kept(tmp_path, Scene(scenes.slow_replica(factor=6.0)).evidence(), hours=2)
    kept(tmp_path, Scene(scenes.upstream_slow()).evidence(), hours=1)
    say(tmp_path, same.id, "confirm", None)
    verdict = kept(tmp_path, SLOW)
    found = Memory(tmp_path).alike(verdict, but="000000")

    assert [one.verdict for one in found] == [same.id, elsewhere.id]
    assert found[0].score > found[1].score >= 0.55
    assert found[0].word == "confirmed, was slow_replica@replica/heron"
    assert "slow replica at replica heron, confirmed" in found[0].text
    assert "same kind, same place, " in found[0].text
    assert found[0].text in shown(tmp_path, verdict.id)


def test_alikeness_is_1_for_the_same_and_symmetric():
    one, other = features(diagnose(SLOW)), features(diagnose(Scene(scenes.bad_deploy()).evidence()))
    assert one is not None
    assert other is not None

    assert score(one, one) == pytest.approx(1.0)
    assert score(one, other) == score(other, one) < 0.55


def test_what_began_together_with_it_is_not_the_past():
    verdict = diagnose(SLOW)
    own = features(verdict)
    assert own is not None

    just_before = replace(own, verdict="v-sister", when_ns=verdict.window.start_ns + 1)
    assert alike(verdict, [own, just_before], {}) == ()


def test_the_command_keeps_a_word_and_tells_it(tmp_path: Path):
    verdict = kept(tmp_path, SLOW)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "busysignal", "verdict", *arguments],
            cwd=ROOT, env={**os.environ, "BUSYSIGNAL__WATCH__VERDICTS": str(tmp_path)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    said = call("reject", "latest", "--cause", "gpu_throttle@gpu/0", "--by", "kim")
    told = call("show", verdict.id[:6])
    wrong = call("confirm", "v-none")

    assert (said.returncode, said.stdout) == (
        0, f"kept: {verdict.id} rejected, it was gpu_throttle@gpu/0\n",
    )  # fmt: skip
    assert "said of it: rejected by kim: gpu_throttle@gpu/0" in told.stdout
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("busysignal: no verdict 'v-none' in ")
