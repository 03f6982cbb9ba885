from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analysis.diagnose import diagnose
from analysis.rootcause.measures import measure
from analysis.rootcause.split import rise, settle
from analysis.sources.gap import Gap
from tests.analysis import scenes
from tests.analysis.scenes import Scene

TROUBLES = {
    "slow_replica": (scenes.slow_replica(), "replica/heron"),
    "traffic_burst": (scenes.traffic_burst(), "clients"),
    "traffic_mix": (scenes.traffic_mix(), "clients"),
    "kv_cache_exhaustion": (scenes.kv_cache(), "service/chat"),
    "queue_saturation": (scenes.queue_saturation(), "gateway"),
    "retry_storm": (scenes.retry_storm(), "clients"),
    "rate_limit": (scenes.rate_limit(), "gateway"),
    "upstream_slow": (scenes.upstream_slow(), "upstream/features"),
    "upstream_errors": (scenes.upstream_errors(), "upstream/features"),
    "gpu_throttle": (scenes.gpu_throttle(), "gpu/1"),
    "gpu_fault": (scenes.gpu_fault(), "gpu/0"),
    "kernel_regression": (scenes.kernel_regression(), "gpu/0"),
    "cache_outage": (scenes.cache_outage(), "cache/distributed"),
}


def named(verdict) -> tuple[str, str] | None:
    return None if verdict.first is None else (verdict.first.kind, verdict.first.entity)


@pytest.mark.parametrize("onset", [2, 9])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", TROUBLES)
def test_each_trouble_is_named_at_its_entity(kind, seed, onset):
    effects, entity = TROUBLES[kind]

    assert named(diagnose(Scene(effects, seed=seed, onset=onset).evidence())) == (kind, entity)


@pytest.mark.parametrize("seed", range(3))
def test_kernels_that_got_slower_everywhere_are_a_regression(seed):
    verdict = diagnose(Scene(scenes.kernel_regression_everywhere(), seed=seed).evidence())

    assert verdict.first is not None
    assert verdict.first.kind == "kernel_regression"


def sure_of(verdict) -> set[str]:
    return {cause.kind for cause in verdict.causes if cause.confidence >= 0.3}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_cores_that_are_contended_accuse_no_gpu(seed, factor):
    verdict = diagnose(Scene(scenes.cpu_contention(factor), seed=seed).evidence())

    assert sure_of(verdict).isdisjoint({"kernel_regression", "gpu_throttle", "gpu_fault"})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("factor", [2.5, 5.0])
def test_a_replica_that_is_slow_on_a_healthy_gpu_accuses_no_gpu(seed, factor):
    verdict = diagnose(Scene(scenes.slow_replica(factor=factor), seed=seed).evidence())

    assert sure_of(verdict) == {"slow_replica"}


@pytest.mark.parametrize("kind", ["gpu_throttle", "kernel_regression", "gpu_fault"])
def test_a_sick_gpu_is_named_alone_and_not_the_replica_it_slows(kind):
    verdict = diagnose(Scene(TROUBLES[kind][0]).evidence())

    assert sure_of(verdict) == {kind}


DEPLOYED = (("deploy", "replica/heron"), ("restart", "replica/heron"))
RESTARTED = (("restart", "replica/heron"),)


def scene_of(kind: str, seed: int = 0) -> Scene:
    return {
        "bad_deploy": Scene(scenes.bad_deploy(), seed=seed, changed=DEPLOYED),
        "cold_start": Scene(scenes.slow_replica(), seed=seed, changed=RESTARTED),
        "cpu_starvation": Scene(scenes.cpu_starvation(), seed=seed),
        "memory_leak": Scene(scenes.memory_leak(), seed=seed, alert="ReplicaMemoryClimbs"),
    }[kind]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["bad_deploy", "cold_start", "cpu_starvation", "memory_leak"])
def test_what_befell_one_replica_is_named_and_nothing_that_looks_like_it(kind, seed):
    verdict = diagnose(scene_of(kind, seed).evidence())

    assert named(verdict) == (kind, "replica/heron")
    assert sure_of(verdict) == {kind}


def test_errors_without_a_new_version_are_no_bad_deploy():
    verdict = diagnose(replace(scene_of("bad_deploy"), changed=()).evidence())

    assert "bad_deploy" not in sure_of(verdict)


def test_a_new_version_that_changes_nothing_is_not_accused():
    effects = scenes.traffic_burst()
    verdict = diagnose(Scene(effects, changed=DEPLOYED).evidence())

    assert named(verdict) == ("traffic_burst", "clients")
    assert sure_of(verdict) == {"traffic_burst"}


def test_a_restart_of_the_sister_makes_no_cold_start_of_a_slow_replica():
    verdict = diagnose(
        Scene(scenes.slow_replica(), changed=(("restart", "replica/stilt"),)).evidence()
    )

    assert sure_of(verdict) == {"slow_replica"}


def test_memory_that_jumps_and_stays_is_no_leak():
    jump = {("replica/heron", "replica_memory", ""): (scenes.TO, 1.2e9)}
    verdict = diagnose(Scene(jump).evidence())

    assert "memory_leak" not in sure_of(verdict)


def test_a_little_throttling_starves_nobody():
    effects = {**scenes.slow_replica(), ("replica/heron", "cpu_throttled", ""): (scenes.TO, 0.08)}

    assert sure_of(diagnose(Scene(effects).evidence())) == {"slow_replica"}


@pytest.mark.parametrize("noise", [0.05, 0.12, 0.3])
def test_noise_alone_never_makes_a_confident_cause(noise):
    verdicts = [diagnose(Scene(seed=seed, noise=noise).evidence()) for seed in range(60)]

    assert [verdict.id for verdict in verdicts if not verdict.abstained] == []


def test_without_an_alert_a_calm_service_is_none():
    verdict = diagnose(Scene(alert="").evidence())

    assert named(verdict) == ("none", "service/chat")
    assert not verdict.abstained


def test_pain_without_any_known_trace_abstains_and_says_so():
    verdict = diagnose(Scene(scenes.FELT).evidence())

    assert verdict.abstained
    assert "no known cause left a trace" in verdict.reason


def test_the_slow_replica_is_found_among_many_whatever_its_name():
    effects = scenes.slow_replica("zz-9")
    verdict = diagnose(Scene(effects, replicas=("a", "zz-9", "m", "k")).evidence())

    assert named(verdict) == ("slow_replica", "replica/zz-9")


def test_a_replica_without_sisters_is_named_with_less_confidence():
    alone = diagnose(Scene(scenes.slow_replica(), replicas=("heron",)).evidence())
    beside = diagnose(Scene(scenes.slow_replica()).evidence())

    assert named(alone) == ("slow_replica", "replica/heron")
    assert alone.first.confidence < beside.first.confidence - 0.1


def test_longer_prompts_that_slow_every_replica_accuse_no_replica():
    verdict = diagnose(Scene(scenes.traffic_mix()).evidence())

    assert all(cause.kind != "slow_replica" for cause in verdict.causes if cause.confidence > 0.3)


def test_a_storm_stays_a_storm_when_some_more_first_requests_come_too():
    effects = {
        **scenes.retry_storm(),
        ("clients", "arrivals", ""): 9.2,
        ("clients", "fresh_arrivals", ""): 2.3,
        ("clients", "resent_arrivals", ""): (scenes.TO, 70.0),
        ("clients", "resent_share", ""): (scenes.TO, 0.82),
    }

    assert ("retry_storm", "clients") == named(diagnose(Scene(effects).evidence()))


def test_polite_retries_in_a_burst_are_no_retry_storm():
    verdict = diagnose(Scene(scenes.traffic_burst()).evidence())
    storms = [cause.confidence for cause in verdict.causes if cause.kind == "retry_storm"]

    assert max(storms, default=0.0) < 0.2


def test_errors_that_are_over_do_not_hide_the_storm_they_began():
    effects = {
        **scenes.retry_storm(),
        ("upstream/features", "upstream_errors", ""): (scenes.TO, 0.8),
    }
    storm = Scene(effects, onset=3).evidence()
    over = scenes.WINDOW.start_ns + 7 * scenes.SECOND
    brief = storm.series.with_columns(
        pl.when((pl.col("quantity") == "upstream_errors") & (pl.col("ts_ns") > over))
        .then(0.0)
        .otherwise(pl.col("value"))
        .alias("value")
    )

    assert named(diagnose(replace(storm, series=brief))) == ("retry_storm", "clients")


def test_two_causes_at_once_are_both_named():
    part = {key: value for key, value in scenes.slow_replica().items() if "/" in key[0]}
    verdict = diagnose(Scene({**scenes.traffic_burst(), **part}).evidence())
    both = {(cause.kind, cause.entity) for cause in verdict.causes if cause.confidence >= 0.6}

    assert both == {("traffic_burst", "clients"), ("slow_replica", "replica/heron")}


@pytest.mark.parametrize("seed", range(3))
def test_two_parts_that_break_at_once_are_both_named_each_on_its_own_evidence(seed):
    broken = {
        **scenes.upstream_errors(),
        ("replica/stilt", "cpu_throttled", ""): ("to", 0.7),
        ("replica/stilt", "attempt_time", ""): 3.0,
        ("replica/stilt", "phase_time", "decode"): 3.0,
    }
    verdict = diagnose(Scene(broken, seed=seed).evidence())
    both = {(cause.kind, cause.entity) for cause in verdict.causes if cause.confidence >= 0.6}

    assert both == {("upstream_errors", "upstream/features"), ("cpu_starvation", "replica/stilt")}


def test_a_throttled_gpu_is_named_rather_than_the_replica_it_slows():
    verdict = diagnose(Scene(scenes.gpu_throttle()).evidence())

    assert verdict.first.path == ["gpu/1", "replica/stilt", "gateway"]
    assert any(item.entity == "replica/stilt" for item in verdict.ruled_out)


def test_spans_confirm_where_the_time_went():
    phases: Mapping[str, Mapping[str, float]] = {"*": {"upstream": 0.4}}
    verdict = diagnose(Scene(scenes.upstream_slow(), phases=phases).evidence())

    assert named(verdict) == ("upstream_slow", "upstream/features")
    assert "trace" in {item.type for item in verdict.first.evidence}


SILENT = Gap("replica/stilt", "no metrics since 12:00:00 UTC")


def test_a_silent_source_while_users_feel_nothing_abstains_and_is_named():
    scene = replace(Scene(alert="TargetDown").evidence(), silent=(SILENT,))
    verdict = diagnose(scene)

    assert verdict.abstained
    assert verdict.causes == []
    assert [(gap.source, gap.gap) for gap in verdict.data_quality] == [
        ("replica/stilt", "no metrics since 12:00:00 UTC")
    ]
    assert "replica stilt: no metrics since 12:00:00 UTC" in verdict.reason


def test_a_silent_source_lowers_the_confidence_of_what_is_named():
    whole = Scene(scenes.slow_replica()).evidence()
    lame = replace(whole, silent=(Gap("node", "no metrics since 12:00:00 UTC"),))

    assert diagnose(lame).first.confidence < diagnose(whole).first.confidence


@pytest.mark.parametrize(
    "drop",
    ["gpu/0", "upstream/features", "node", "phase_time", "attempt_time", "step_time", "clients"],
)
def test_a_missing_source_is_survived(drop):
    verdict = diagnose(Scene(scenes.slow_replica(), drop=(drop,)).evidence())

    assert named(verdict) in (("slow_replica", "replica/heron"), None)


def test_no_series_at_all_abstains():
    empty = replace(Scene().evidence(), series=Scene().evidence().series.clear())
    verdict = diagnose(empty)

    assert verdict.abstained
    assert verdict.causes == []


@pytest.mark.parametrize("kind", ["slow_replica", "upstream_slow", "gpu_throttle"])
def test_a_tenth_of_the_samples_missing_changes_no_name(kind):
    effects, entity = TROUBLES[kind]

    assert named(diagnose(Scene(effects, missing=0.1).evidence())) == (kind, entity)


def test_a_time_below_zero_is_a_gap():
    scene = Scene({}).evidence()
    late = pl.col("ts_ns") > scene.window.end_ns - 5 * 10**9
    wrong = scene.series.with_columns(
        pl.when((pl.col("quantity") == "phase_time") & late)
        .then(-6.3e7)
        .otherwise(pl.col("value"))
        .alias("value")
    )

    told = measure(replace(scene, series=wrong)).parts("replica/heron", "phase_time")

    assert set(told) == {"queue", "prefill", "decode"}
    assert all(shift.last > 0 for shift in told.values())


def test_times_in_milliseconds_give_the_same_cause():
    scene = Scene(scenes.slow_replica()).evidence()
    times = pl.col("quantity").str.contains("time|duration|wait|token")
    scaled = scene.series.with_columns(
        pl.when(times).then(pl.col("value") * 1000).otherwise(pl.col("value")).alias("value")
    )

    assert named(diagnose(replace(scene, series=scaled))) == ("slow_replica", "replica/heron")


def comparable(verdict) -> str:
    return verdict.model_copy(update={"created": "", "seconds": 0.0}).to_json()


@pytest.mark.parametrize("kind", TROUBLES)
def test_the_order_of_rows_changes_no_byte(kind):
    phases: Mapping[str, Mapping[str, float]] = {"*": {"wait": 1.0}}
    evidence = Scene(TROUBLES[kind][0], phases=phases).evidence()
    shuffled = replace(
        evidence,
        series=evidence.series.sample(fraction=1.0, shuffle=True, seed=5),
        spans=evidence.spans.sample(fraction=1.0, shuffle=True, seed=6),
        placement=dict(reversed(evidence.placement.items())),
    )

    assert comparable(diagnose(shuffled)) == comparable(diagnose(evidence))


def test_other_inputs_give_another_id():
    first, second = Scene(seed=1).evidence(), Scene(seed=2).evidence()

    assert diagnose(first).id != diagnose(second).id


def test_the_hash_seed_changes_no_byte():
    program = (
        "from analysis.diagnose import diagnose\n"
        "from tests.analysis import scenes\n"
        "e = scenes.Scene(scenes.slow_replica(), phases={'heron': {'decode': 2.0}}).evidence()\n"
        "v = diagnose(e).model_copy(update={'created': '', 'seconds': 0.0})\n"
        "print(v.to_json())"
    )
    root = Path(__file__).parents[2]
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(printed) == 1


def test_evidence_survives_being_saved_and_loaded(tmp_path):
    phases: Mapping[str, Mapping[str, float]] = {"*": {"wait": 1.0}}
    evidence = Scene(scenes.slow_replica(), phases=phases).evidence()
    evidence.save(tmp_path)

    assert comparable(diagnose(type(evidence).load(tmp_path))) == comparable(diagnose(evidence))


@pytest.mark.parametrize("kind", ["slow_replica", "traffic_burst", "kv_cache_exhaustion"])
def test_an_alert_that_comes_late_counts_no_trouble_as_health(kind):
    effects, entity = TROUBLES[kind]
    early = Scene(effects, onset=-7).evidence()

    assert settle(early).window.start_ns < early.window.start_ns
    assert named(diagnose(early)) == (kind, entity)


def test_calm_moves_no_window():
    moved = [
        seed
        for seed in range(40)
        if settle(calm := Scene(seed=seed).evidence()).window != calm.window
    ]

    assert len(moved) <= 2


def test_the_split_cares_for_no_unit():
    values = np.concatenate([np.full(20, 1.0), np.full(10, 3.0)])

    assert rise(values) == rise(values * 1e6) == 20
    assert rise(values[::-1].copy()) is None
