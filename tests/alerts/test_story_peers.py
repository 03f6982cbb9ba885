"""What Sloth and Pyrra render for the same objective, told the same traffic as ours."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

GATEWAY = 'job="gateway",instance="g",service="chat",model="m"'
OK = f'llm_requests_total{{{GATEWAY},outcome="ok",status="200"}}'
BUSY = f'llm_requests_total{{{GATEWAY},outcome="rejected",status="503"}}'
ERRORS = 'sum(rate(llm_requests_total{{outcome!="ok"}}[{0}])) / sum(rate(llm_requests_total[{0}]))'
BUDGET = 0.005


def recorded(name: str, expr: str) -> dict[str, str]:
    return {"record": name, "expr": expr}


# Sloth v0.16, windows of Google's workbook: one alert, no `for`, no guard, quick or slow.
SLOTH: list[dict[str, Any]] = [
    *(
        recorded(f"slo:sli_error:ratio_rate{window}", ERRORS.format(window))
        for window in ("5m", "30m", "1h", "6h")
    ),
    # Its month: the mean of the five-minute ratios, however many requests each of them had.
    recorded(
        "slo:sli_error:ratio_rate30d",
        "sum_over_time(slo:sli_error:ratio_rate5m[30d])"
        " / count_over_time(slo:sli_error:ratio_rate5m[30d])",
    ),
    {
        "alert": "SlothPage",
        "expr": (
            f"(slo:sli_error:ratio_rate5m > 14.4 * {BUDGET}"
            f" and slo:sli_error:ratio_rate1h > 14.4 * {BUDGET})"
            f" or (slo:sli_error:ratio_rate30m > 6 * {BUDGET}"
            f" and slo:sli_error:ratio_rate6h > 6 * {BUDGET})"
        ),
    },
]
# Pyrra: the same two windows with its own factors, and two minutes of patience.
PYRRA: list[dict[str, Any]] = [
    *(recorded(f"pyrra:burnrate{window}", ERRORS.format(window)) for window in ("5m", "1h")),
    {
        "alert": "PyrraPage",
        "expr": f"pyrra:burnrate5m > 14 * {BUDGET} and pyrra:burnrate1h > 14 * {BUDGET}",
        "for": "2m",
    },
]


def told(promtool: Path, folder: Path, rules: list[dict[str, Any]], **test: Any) -> str:
    (folder / "peers.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "peers", "rules": rules}]}), encoding="utf-8"
    )
    document = {
        "rule_files": [str(folder / "peers.yml")],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", **test}],
    }
    (folder / "peers_story.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    command = [promtool, "test", "rules", folder / "peers_story.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def series(**values: str) -> list[dict[str, str]]:
    return [{"series": {"ok": OK, "busy": BUSY}[name], "values": v} for name, v in values.items()]


def fires(minute: int, name: str) -> dict[str, Any]:
    return {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": [{"exp_labels": {}}]}


def test_one_failed_request_in_an_idle_hour_pages_sloth_and_pyrra_and_not_us(
    promtool, tmp_path, slow_story
):
    idle = {"ok": "0x180", "busy": "0x60 1x120"}
    theirs = [fires(62, "SlothPage"), fires(64, "PyrraPage")]

    assert not told(
        promtool, tmp_path, SLOTH + PYRRA, input_series=series(**idle), alert_rule_test=theirs
    )
    slow_story.alerts(
        {OK: idle["ok"], BUSY: idle["busy"]},
        *((f"{minute}m", "AvailabilityBurnFast", []) for minute in (62, 64, 70)),
        interval="1m",
    )


def test_a_quiet_night_weighs_as_much_as_a_day_at_sloth_and_as_little_as_it_had_requests_here(
    promtool, tmp_path, slow_story
):
    # Ten hours at one request a minute, half of them refused, and ten at six hundred, all well:
    # 300 of 360,600 failed, a sixth of the budget. By hours, half the time was half bad.
    nights = {"ok": "0+0.5x600 300+600x600", "busy": "0+0.5x600 300x600"}
    month = {
        "expr": "round(slo:sli_error:ratio_rate30d, 0.01)",
        "eval_time": "1200m",
        "exp_samples": [{"labels": "{}", "value": 0.25}],
    }

    assert not told(
        promtool, tmp_path, SLOTH, input_series=series(**nights), promql_expr_test=[month]
    )
    slow_story.values(
        {OK: nights["ok"], BUSY: nights["busy"]},
        (
            "1200m",
            'round(llm:slo_budget_remaining:ratio{slo="availability"}, 0.01)',
            {'{service="chat",slo="availability"}': 0.83},
        ),
        interval="1m",
    )
