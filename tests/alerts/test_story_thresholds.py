from __future__ import annotations

from alerts import rules
from alerts.config import Override, RulesSection, Thresholds
from tests.alerts.conftest import Fires, Teller

WATCH = 'job="watch",instance="w1:9450"'
QUEUE = (
    'llm_queue_depth{{job="replica",instance="{0}",service="chat",replica="{0}",model="m",'
    'priority="normal"}}'
)
SET = 'busysignal_threshold{{{},alert="QueueDeepWarning",entity="{}"}}'
NAME = "QueueDeepWarning"


def waits(replica, number, limit):
    return Fires(
        {"service": "chat", "replica": replica},
        {
            "description": f"{number} requests wait at {replica} of chat; {limit} is the limit.",
            "query": f'llm:queue_depth{{service="chat",replica="{replica}"}}',
            "dashboard_url": "http://127.0.0.1:3000/d/busysignal-service?var-service=chat",
        },
    )


def set_for(entity):
    return SET.format(WATCH, entity)


def queue(replica):
    return QUEUE.format(replica)


def test_without_a_threshold_series_the_rendered_default_holds(story):
    story.alerts({queue("r1"): "51x80", queue("r2"): "50x80"}, ("10m", NAME, [waits("r1", 51, 50)]))


def test_a_level_set_for_one_replica_wins_there_and_nowhere_else(story):
    story.alerts(
        {queue("r1"): "60x80", queue("r2"): "60x80", set_for("chat/r1"): "80x80"},
        ("10m", NAME, [waits("r2", 60, 50)]),
    )


def test_a_lower_level_set_at_run_time_fires_and_is_named_as_the_limit(story):
    story.alerts(
        {queue("r1"): "30x160", set_for("chat/r1"): "_x40 20x40 stale"},
        ("9m", NAME, []),
        ("15m", NAME, [waits("r1", 30, 20)]),
        # Taken back: the default holds again, as soon as the alert need no longer keep firing.
        ("30m", NAME, []),
    )


def test_the_narrowest_level_wins(story):
    story.alerts(
        {
            queue("r1"): "30x80",
            queue("r2"): "30x80",
            queue("r3"): "30x80",
            set_for("chat/r1"): "40x80",
            set_for("chat"): "20x80",
            set_for(""): "10x80",
        },
        ("10m", NAME, [waits("r2", 30, 20), waits("r3", 30, 20)]),
    )


def test_a_level_for_all_reaches_every_service(story):
    elsewhere = queue("r1").replace('"chat"', '"search"')

    story.alerts(
        {queue("r1"): "60x80", elsewhere: "60x80", set_for(""): "70x80"}, ("10m", NAME, [])
    )


def test_an_override_of_the_config_holds_until_something_else_is_set(promtool, tmp_path):
    overrides = (Override(alert=NAME, entity="chat/r1", value=80),)
    story = Teller(promtool, tmp_path, RulesSection(overrides=overrides))

    story.alerts(
        {queue("r1"): "60x160", queue("r2"): "60x160", set_for("chat/r1"): "_x60 55x100"},
        ("10m", NAME, [waits("r2", 60, 50)]),
        ("25m", NAME, [waits("r1", 60, 55), waits("r2", 60, 50)]),
    )


def test_nearly_every_alert_with_a_threshold_in_the_config_can_be_set():
    levels = rules.levels(RulesSection())
    keys = {level.key for level in levels.values()}
    fields = set(Thresholds.model_fields)

    # What is no level: horizons of predictions, guards against little traffic, things accepted.
    assert fields - keys == {
        "gpu_denied_accepted", "gpu_simulated_accepted", "capacity_crossed_hours",
        "forecast_stale_seconds", "memory_full_hours", "disk_full_hours", "budget_gone_hours",
        "minimum_requests",
    }  # fmt: skip
