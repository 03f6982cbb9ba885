"""The canary in front of the demo's own service: a gateway that sheds load and falls back."""

from __future__ import annotations

from typing import Literal

import pytest

from demo.service.config import ReplicaConfig
from demo.service.replica import Replica
from inference_probe.canary import CanarySection, TargetSection
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.server import ask_once
from tests.demo.test_gateway import NO_TELEMETRY, FakeReplica, gateway_to
from tests.running import running


def asked(
    url: str, times: int = 1, api: Literal["chat", "completions"] = "completions"
) -> list[Attempt]:
    target = TargetSection(name="gateway", url=f"{url}/v1", model="tiny", api=api)
    section = CanarySection(targets=(target,), retries=0)
    return [attempt for _ in range(times) for attempt in ask_once(section)]


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_model_that_runs_answers_whole(api: Literal["chat", "completions"]) -> None:
    made = Replica(ReplicaConfig(name="vega", port=0, control_port=0, speed=20), NO_TELEMETRY)
    with running(made.app()) as url:
        (attempt,) = asked(url, api=api)

    assert (attempt.outcome, attempt.detail) == ("ok", None)
    assert (attempt.tokens, attempt.finish_reason) == (8, "length")
    assert attempt.first_token is not None
    assert attempt.first_token < attempt.total


def test_an_answer_by_the_fallback_model_is_not_taken_for_the_models_own() -> None:
    with gateway_to(FakeReplica(*[500] * 9)) as url:
        (attempt,) = asked(url)

    assert attempt.status == 200
    assert (attempt.outcome, attempt.answered_model) == ("wrong_model", "bigram")


def test_a_gateway_that_sheds_load_says_why_and_when_to_come_back() -> None:
    with gateway_to(FakeReplica(), rate_limit=1.0) as url:
        attempt = asked(url, times=2)[-1]

    assert (attempt.outcome, attempt.status) == ("busy", 429)
    assert (attempt.busy_reason, attempt.retry_after) == ("rate_limit", 1.0)
