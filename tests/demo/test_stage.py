from __future__ import annotations

import json
import time

import httpx
import pytest

from demo.servers.run_folder import RunFolder
from demo.stage import STARS, Stage


@pytest.mark.alone
def test_a_stage_serves_its_load_can_be_broken_and_leaves_nothing_running(tmp_path):
    with Stage(RunFolder(tmp_path), seed=5) as stage:
        pids = stage.pids
        jobs = [(one.job, one.labels.get("replica")) for one in stage.targets]
        assert jobs == [("gateway", None), *(("replica", name) for name in stage.replicas)]
        for target in stage.targets:
            text = httpx.get(f"http://{target.address}/metrics", trust_env=False).text
            assert 'llm_requests_started_total{model="tiny"}' in text
            assert "control" not in text

        stage.control(stage.replicas[0], silent=True)
        url = f"http://{stage.targets[1].address}/metrics"
        assert httpx.get(url, trust_env=False).status_code == 503
        stage.heal()
        assert httpx.get(url, trust_env=False).status_code == 200

        name, followed = stage.replicas[0], []
        stage.follow = lambda targets: followed.append([one.address for one in targets])
        old = stage.targets[1].address
        stage.replace(name, version="1.1.0")
        new = stage.targets[1].address
        assert [old in addresses for addresses in followed] == [True, False]
        assert 'version="1.1.0"' in httpx.get(f"http://{new}/metrics", trust_env=False).text
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{old}/metrics", trust_env=False)
        deadline = time.monotonic() + 60
        while not stage.record.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)

    felt = [json.loads(line) for line in stage.record.read_text().splitlines()]
    assert {one["status"] for one in felt} == {200}
    assert len(pids) == 5
    assert all(not member.process.running for member in stage.members.values())


def test_names_are_drawn_from_the_seed_out_of_neutral_ones(tmp_path):
    names = {Stage(RunFolder(tmp_path), seed).replicas for seed in range(10)}

    assert len(names) > 5
    assert all(set(pair) <= set(STARS) for pair in names)


def test_a_process_that_cannot_start_leaves_nothing_running(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    stage = Stage(RunFolder(tmp_path), seed=5)
    monkeypatch.setattr(stage, "_wait_ready", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        stage.start()

    assert all(not member.process.running for member in stage.members.values())
