from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]


def busysignal(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "busysignal", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def test_help_tells_every_call():
    told = busysignal("--help").stdout

    for call in ("demo", "gpu", "probe", "watch", "analyze", "rules", "dashboards", "doctor"):
        assert call in told


def test_an_unknown_option_is_wrong_use():
    assert 2 == busysignal("demo", "--frobnicate").returncode


def test_an_unknown_fault_is_one_line_that_lists_the_known_ones():
    done = busysignal("demo", "--fault", "gremlins")

    assert 2 == done.returncode
    assert (
        "busysignal: no fault is called 'gremlins'; allowed: all, none, slow_replica, "
        "traffic_burst, kv_cache_exhaustion, retry_storm, upstream_slow, gpu_throttle, gpu_fault, "
        "kernel_regression, rate_limit, bad_deploy, client_gone_storm, cpu_starvation, "
        "memory_leak, cold_start, cache_outage, telemetry_gap\n" == done.stderr
    )


def test_the_faults_are_told_with_their_declared_outcomes():
    told = busysignal("demo", "--list").stdout

    assert "slow_replica" in told
    assert "no page" in told
    assert "abstains" in told


def test_a_config_with_an_unknown_key_is_one_line_and_exit_code_2(tmp_path: Path):
    config = tmp_path / "busysignal.toml"
    config.write_text("[rules]\ntime_scael = 60\n", encoding="utf-8")

    done = busysignal("rules", "--check", "--config", str(config))

    assert 2 == done.returncode
    assert (
        f"busysignal: {config}: unknown key rules.time_scael; did you mean time_scale?\n"
        == done.stderr
    )


def test_a_config_that_is_not_there_is_one_line_and_exit_code_2():
    done = busysignal("doctor", "--config", "absent.toml")

    assert 2 == done.returncode
    assert (
        "busysignal: config absent.toml does not exist; "
        "give --config FILE, or leave it out for the defaults\n" == done.stderr
    )


def test_a_missing_gpu_driver_is_one_line_and_exit_code_3():
    done = busysignal("gpu", BUSYSIGNAL__GPU__NVML_LIBRARY="/nonexistent/libnvidia-ml.so.1")

    assert 3 == done.returncode
    assert 1 == len(done.stderr.splitlines())


def test_stale_rules_are_told_and_exit_code_1(tmp_path: Path):
    done = busysignal("rules", "--check", "--out", str(tmp_path))

    assert 1 == done.returncode
    assert f"{tmp_path}/recording.yml is missing; make it with `busysignal rules`" in done.stderr


@pytest.mark.parametrize("command", ["rules", "dashboards", "signals"])
def test_everything_generated_is_fresh(command: str):
    assert 0 == busysignal(command, "--check").returncode


def test_an_empty_window_is_refused():
    done = busysignal("analyze", "--from", "2026-11-23T12:00:00", "--to", "2026-11-23T11:00:00")

    assert 2 == done.returncode
    assert (
        "busysignal: the window is empty: --to is not after --from; give a later --to\n"
        == done.stderr
    )


def test_a_time_that_is_none_is_refused():
    done = busysignal("analyze", "--from", "yesterday", "--to", "2026-11-23T11:00:00")

    assert "busysignal: 'yesterday' is no time; write it as 2026-11-23T12:00:00\n" == done.stderr


def test_a_doctor_without_servers_finds_every_gap_and_says_what_it_blinds():
    nowhere = "http://127.0.0.1:9"
    done = busysignal(
        "doctor",
        BUSYSIGNAL__PROMETHEUS__URL=nowhere,
        BUSYSIGNAL__ALERTMANAGER__URL=nowhere,
        BUSYSIGNAL__ELASTICSEARCH__URL=nowhere,
        BUSYSIGNAL__WATCH__PORT="9",
    )

    assert 1 == done.returncode
    for server in ("Prometheus", "Alertmanager", "Elasticsearch", "watch"):
        assert f"MISS {server}: {nowhere}: " in done.stdout
    assert "blinds everything: no alert can fire and no metric can be read" in done.stdout


def test_the_table_of_the_probe_is_made_of_real_timings():
    done = busysignal("probe", "--once", COLUMNS="160")

    assert 0 == done.returncode
    assert "gemm_decode" in done.stdout
    assert "GFLOP/s" in done.stdout


@pytest.mark.alone
def test_ctrl_c_in_the_middle_of_a_demo_leaves_nothing_running(tmp_path: Path):
    command = [sys.executable, "-m", "busysignal", "demo", "--fault", "none"]
    demo = psutil.Popen(
        [*command, "--runs", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(started := demo.children(recursive=True)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(started) >= 4

    demo.send_signal(signal.SIGINT)

    assert 130 == demo.wait(60)
    assert [] == psutil.wait_procs(started, timeout=5)[1]
