"""Rounds over several endpoints: retries in full view, rest when asked, a bound on what runs."""

from __future__ import annotations

import asyncio
import io
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from exporters.errors import UsageError
from exporters.settings import load
from inference_probe.canary import CanarySection, TargetSection
from inference_probe.canary.attempt import Attempt
from inference_probe.canary.exporter import CanaryExporter
from inference_probe.canary.schedule import Schedule
from inference_probe.canary.server import ask_once, running
from inference_probe.canary.table import show
from tests.endpoints import MODEL, Endpoint, Wire, endpoint, well
from tests.golden import Golden


def section(*served: Endpoint, **more: Any) -> CanarySection:
    targets = tuple(
        TargetSection(name=f"e{number}", url=one.url, model=MODEL)
        for number, one in enumerate(served)
    )
    defaults = {"timeout_seconds": 3.0, "backoff_seconds": 0.01, "interval_seconds": 0.1}
    return CanarySection(targets=targets, **{**defaults, **more})


def value(page: str, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def failing_first(status: str, *headers: str) -> Any:
    def script(wire: Wire) -> None:
        if wire.number == 0:
            wire.answer(status, '{"error": {"code": "queue_full"}}', *headers)
        else:
            well(wire)

    return script


def published(attempts: list[Attempt], of: CanarySection) -> str:
    exporter = CanaryExporter(of.targets)
    for attempt in attempts:
        exporter.publish(attempt)
    return exporter.collect_text()


def test_a_retry_that_works_hides_nothing_of_the_failure_before_it() -> None:
    with endpoint(failing_first("503 Service Unavailable")) as served:
        configured = section(served)
        attempts = ask_once(configured)
    page = published(attempts, configured)

    assert [attempt.outcome for attempt in attempts] == ["busy", "ok"]
    who = {"endpoint": "e0", "model": MODEL}
    assert value(page, "canary_up", **who) == 0
    assert value(page, "canary_requests_total", **who, outcome="busy") == 1
    assert value(page, "canary_requests_total", **who, outcome="ok") == 1
    assert value(page, "canary_retries_total", **who, outcome="ok") == 1
    assert value(page, "canary_busy_total", **who, reason="queue_full") == 1
    assert value(page, "canary_last_status", **who) == 200


def test_a_retry_waits_as_long_as_the_endpoint_asked() -> None:
    with endpoint(failing_first("429 Too Many Requests", "retry-after: 1")) as served:
        began = time.monotonic()
        attempts = ask_once(section(served, interval_seconds=5))

    assert [attempt.number for attempt in attempts] == [0, 1]
    assert time.monotonic() - began >= 1


def test_what_will_not_pass_is_not_tried_again() -> None:
    with endpoint(lambda wire: wire.answer("404 Not Found", "{}")) as served:
        attempts = ask_once(section(served, retries=3))

    assert [attempt.outcome for attempt in attempts] == ["refused"]


def test_an_endpoint_that_asks_for_a_long_rest_is_left_alone_and_that_is_counted() -> None:
    def script(wire: Wire) -> None:
        wire.answer("429 Too Many Requests", "{}", "retry-after: 60")

    with endpoint(script) as served, running(section(served)) as canary:
        wait_until(lambda: skips(canary, "e0", "retry_after") >= 3)
        requests = len(served.requests)

    assert requests == 1
    page = canary.collect_text()
    assert value(page, "canary_requests_total", endpoint="e0", outcome="busy") == 1


def skips(canary: Any, endpoint: str, reason: str) -> float:
    page = canary.collect_text()
    return value(page, "canary_skipped_total", endpoint=endpoint, reason=reason) or 0.0


def wait_until(holds: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_targets_are_asked_again_and_again_each_in_its_own_time() -> None:
    with (
        endpoint(well) as good,
        endpoint(lambda wire: wire.wait()) as hanging,
        running(section(good, hanging, timeout_seconds=1.0, retries=0)) as canary,
    ):
        wait_until(lambda: len(good.requests) >= 4)
        wait_until(lambda: skips(canary, "e1", "still_running"))
        page = canary.collect_text()

    assert value(page, "canary_up", endpoint="e0") == 1
    assert value(page, "canary_last_outcome", endpoint="e1", outcome="timeout_first_token") == 1
    assert (value(page, "canary_time_to_first_token_seconds_count", endpoint="e0") or 0) >= 3


def test_no_more_are_asked_at_once_than_allowed() -> None:
    lock, running_now, most = threading.Lock(), 0, 0

    def script(wire: Wire) -> None:
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        wire.wait(0.05)
        with lock:
            running_now -= 1
        well(wire)

    with endpoint(script) as served:
        attempts = ask_once(section(*[served] * 6, concurrency=2))

    assert [attempt.outcome for attempt in attempts] == ["ok"] * 6
    assert most == 2


def test_intervals_spread_around_the_one_that_is_set() -> None:
    sent: list[float] = []
    with endpoint(well) as served:
        configured = section(served, interval_seconds=0.1, jitter_ratio=0.5)

        async def ask() -> None:
            schedule = Schedule(configured, lambda made: sent.append(made.ended), lambda *_: None)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.0):
                    await schedule.run()

        asyncio.run(ask())

    gaps = [after - before for before, after in itertools.pairwise(sent)]
    assert max(gaps) - min(gaps) > 0.02


def test_a_thread_that_ended_leaves_its_counts_and_says_nothing_of_now() -> None:
    with endpoint(well) as served, running(section(served)) as canary:
        wait_until(lambda: value(canary.collect_text(), "canary_up") == 1)
    page = canary.collect_text()

    assert not canary.is_alive()
    assert value(page, "canary_up") is None
    assert (value(page, "canary_requests_total", outcome="ok") or 0) >= 1


def test_a_canary_without_targets_says_nothing_and_starts_nothing() -> None:
    with running(CanarySection()) as canary:
        assert (canary.collect_text(), canary.is_alive()) == ("", False)


def test_reasons_without_end_do_not_make_series_without_end() -> None:
    exporter = CanaryExporter([])
    for number in range(100):
        attempt = Attempt("e", "m", outcome="busy", busy_reason=f"r{number}")
        exporter.publish(attempt)
    page = exporter.collect_text()

    assert page.count("canary_busy_total{") == 25
    assert value(page, "canary_busy_total", reason="_other") == 76


def an_attempt(**more: Any) -> Attempt:
    attempt = Attempt("chat", "llama-3", request_id="canary-0011223344556677", total=0.4321)
    attempt.outcome, attempt.status, attempt.tokens, attempt.ended = "ok", 200, 8, 1.79e9
    attempt.phases = {"resolve": 0.0021, "connect": 0.0004, "headers": 0.005, "first_token": 0.2,
                      "stream": 0.1}  # fmt: skip
    attempt.first_token, attempt.gaps, attempt.finish_reason = 0.205, [0.01, 0.012, 0.2], "length"
    for name, value in more.items():
        setattr(attempt, name, value)
    return attempt


BUSY = {"outcome": "busy", "status": 503, "tokens": None, "first_token": None, "gaps": [],
        "detail": "HTTP 503: server [busy]", "busy_reason": "queue_full", "retry_after": 2.0,
        "phases": {"resolve": 0.002, "connect": 0.0004, "headers": 0.005}}  # fmt: skip


def test_the_page_is_exactly_this(golden: Golden, promtool: Path) -> None:
    target = TargetSection(name="chat", url="https://llm.example/v1", model="llama-3")
    exporter = CanaryExporter([target])
    exporter.publish(an_attempt(certificate_expiry=1.8e9))
    exporter.publish(an_attempt(**BUSY))
    exporter.publish(an_attempt(number=1, tokens=7))
    page = exporter.collect_text()

    golden.check("metrics.txt", page)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.stderr, checked.returncode) == ("", 0)


def test_the_table_is_exactly_this(golden: Golden) -> None:
    console = Console(file=io.StringIO(), width=140, color_system=None)

    show([an_attempt(), an_attempt(endpoint="batch", **BUSY)], console)

    golden.check("table.txt", console.file.getvalue())  # type: ignore[attr-defined]


def test_the_canary_needs_no_torch() -> None:
    code = "import sys, inference_probe.canary.server; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CONFIG = """
targets = [{{ name = "chat", url = "{url}", model = "m"{more} }}]
"""


@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        pytest.param(
            "ftp://x", "", "targets.0.url = 'ftp://x' is not valid: Value error, give "
            "http://host[:port]/path or https://...", id="scheme",
        ),
        pytest.param(
            "http://me:pw@x", "", "targets.0.url = 'http://me:pw@x' is not valid: Value error, "
            "give the URL without user, query or fragment; secrets go in key_file", id="user",
        ),
        pytest.param(
            "http://x", ', expect = "("', "targets.0.expect = '(' is not valid: Value error, give "
            "a regular expression (missing ), unterminated subpattern at position 0)",
            id="pattern",
        ),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_meant_is_refused(
    tmp_path: Path, url: str, more: str, message: str
) -> None:
    path = tmp_path / "busysignal.toml"
    path.write_text(CONFIG.format(url=url, more=more))

    with pytest.raises(UsageError) as error:
        load(CanarySection, path, {})

    assert str(error.value) == f"{path}: {message}"


def test_a_misspelt_key_of_a_target_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "busysignal.toml"
    path.write_text('targets = [{ name = "chat", url = "http://x", modl = "m" }]')
    with pytest.raises(UsageError) as error:
        load(CanarySection, path, {})
    path.write_text('targets = [{ name = "chat", url = "http://x" }]')
    with pytest.raises(UsageError) as missing:
        load(CanarySection, path, {})

    assert str(error.value) == f"{path}: unknown key targets.0.modl; did you mean model?"
    assert str(missing.value) == f"{path}: targets.0.model is missing; give it a value"


def test_two_targets_of_one_name_and_model_are_refused(tmp_path: Path) -> None:
    target = {"name": "a", "url": "http://x", "model": "m"}

    with pytest.raises(ValueError, match="two targets are named 'a' with model 'm'; rename one"):
        CanarySection.model_validate({"targets": [target, target]})


def test_nobody_to_ask_is_wrong_use() -> None:
    with pytest.raises(UsageError) as error:
        ask_once(CanarySection())

    assert str(error.value).startswith("no endpoint to ask: [probe.canary] targets is empty; add")
