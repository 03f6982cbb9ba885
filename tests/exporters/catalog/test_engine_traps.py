from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from alerts.config import RulesSection
from alerts.prometheus_config import render
from exporters.catalog import neutral
from exporters.catalog.engines import ENGINES, Engine
from exporters.catalog.signal import Histogram, Signal
from tests.public_data import unpack

RECORDINGS = {
    "vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "ray_serve": "ray",
    "litellm": "litellm",
}  # fmt: skip
TRAPS = {
    "vllm:iteration_tokens_total": "a histogram, in spite of its name",
    "llamacpp:prompt_tokens_seconds": "tokens a second, over a window that a scrape resets",
    "llamacpp:predicted_tokens_seconds": "the same",
    "llamacpp:n_tokens_max": "typed a counter, and a maximum",
    "llamacpp:n_busy_slots_per_decode": "an average since the start, which never falls",
    "sglang:num_aborted_requests_total": "aborted ones are among the finished ones too",
    "sglang:gen_throughput": "the last batch alone",
    "sglang:cache_hit_rate": "the same",
    "litellm_deployment_state": "per deployment: of no replica of ours",
}
"""Series that mislead, and why: none of the tables reads one."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("engine_metrics", tmp_path_factory.mktemp("recordings"))


def families(recordings: Path, engine: str) -> dict[str, Metric]:
    """Every family of an engine's recordings, with the samples of all of them."""
    found: dict[str, Metric] = {}
    for path in sorted(recordings.glob(f"{RECORDINGS[engine]}-*.prom")):
        for family in text_string_to_metric_families(path.read_text()):
            known = found.setdefault(family.name, family)
            if known is not family:
                known.samples += family.samples
    return found


def shown(recordings: Path, engine: Engine) -> list[tuple[Signal, Metric]]:
    known = families(recordings, engine.name)
    return [(one, known[one.name]) for one in engine.signals if one.name in known]


RECORDED = [engine for engine in ENGINES if engine.name in RECORDINGS]


@pytest.mark.parametrize("engine", RECORDED, ids=lambda engine: engine.name)
def test_a_series_is_of_the_type_that_the_engine_says(recordings, engine):
    pairs = shown(recordings, engine)

    assert len(pairs) >= 5
    assert {(one.name, one.type) for one, _ in pairs} == {(f.name, f.type) for _, f in pairs}


@pytest.mark.parametrize("engine", RECORDED, ids=lambda engine: engine.name)
def test_a_histogram_has_the_bounds_that_the_catalogue_says(recordings, engine):
    for one, family in shown(recordings, engine):
        if not isinstance(one, Histogram):
            continue
        bounds = {float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")}
        assert sorted(bounds)[:-1] == pytest.approx(list(one.buckets)), one.name


@pytest.mark.parametrize("engine", RECORDED, ids=lambda engine: engine.name)
def test_a_label_that_a_query_may_name_is_one_that_the_engine_writes(recordings, engine):
    never = {"priority", "dp_rank", "pid"}  # SGLang's, where it is started with more than one
    for one, family in shown(recordings, engine):
        written = {label for sample in family.samples for label in sample.labels}
        assert set(one.labels) - never <= written, one.name


@pytest.mark.parametrize("name", TRAPS)
def test_a_series_that_misleads_is_read_by_no_table(name):
    read = {
        str(selector).partition("{")[0]
        for engine in ENGINES
        for spellings in engine.aliases.values()
        for alias in spellings
        for selector in alias.selectors()
    }

    assert name not in {series.removesuffix("_bucket") for series in read}


def test_the_series_that_mislead_are_real(recordings):
    written = {
        line.split("{")[0].split(" ")[0].removesuffix("_bucket")
        for path in recordings.glob("*.prom")
        for line in path.read_text().splitlines()
    }

    assert set(TRAPS) <= written


def test_a_client_that_hangs_up_leaves_no_mark_in_vllm(recordings):
    # 29 streams were cut before this was recorded; who counts aborts there counts nothing
    page = (recordings / "vllm-0.32.0-errors.prom").read_text()
    aborted = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.labels.get("finished_reason") == "abort" and sample.name.endswith("_total")
    ]

    assert set(aborted) == {0.0}


def test_an_engine_without_requests_or_latency_claims_none():
    (llama,) = [engine for engine in ENGINES if engine.name == "llamacpp"]

    assert not {
        neutral.KV_CACHE_USAGE, neutral.PREEMPTION_RATE, neutral.REPLICA_FINISHED_RATE,
        neutral.REPLICA_REFUSED_RATE, neutral.REPLICA_DURATION_P99,
        neutral.REPLICA_FIRST_TOKEN_P99, neutral.QUEUE_WAIT_P99,
    } & set(llama.aliases)  # fmt: skip


def test_a_scrape_may_take_as_long_as_a_busy_llama_server_needs():
    # its work loop answers: 2.6 s were seen with a full queue
    config = yaml.safe_load(render(RulesSection()))

    assert int(config["global"]["scrape_timeout"].removesuffix("s")) >= 5


def test_users_keys_and_addresses_stay_at_the_proxy(recordings):
    (litellm,) = [engine for engine in ENGINES if engine.name == "litellm"]
    written = {
        label
        for family in families(recordings, "litellm").values()
        for sample in family.samples
        for label in sample.labels
    }
    personal = {"client_ip", "user_agent", "hashed_api_key", "user_email", "user"}

    assert personal & written >= {"client_ip", "user_agent", "hashed_api_key"}
    assert not personal & {label for one in litellm.signals for label in one.labels}
