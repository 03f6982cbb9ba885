from __future__ import annotations

import pytest
import yaml

from alerts import recording, rules
from alerts.config import RulesSection
from alerts.recording import presence
from alerts.render import texts
from exporters.catalog import forecast, neutral, stack
from tests.promql_lint import labels_of, problems, series_read

SECTION = RulesSection()
ALERTS = rules.alerts_in(rules.groups(SECTION))
RECORDINGS = [rule for group in recording.groups(SECTION, ALERTS) for rule in group.rules]
NEUTRAL = {signal.name for signal in neutral.SIGNALS}
OWN = {
    selector.series
    for signal in (*stack.SIGNALS, *forecast.SIGNALS)
    for selector in signal.selectors()
}
WATCHED_SERVERS = {
    "prometheus_rule_evaluation_failures_total",
    "prometheus_notifications_dropped_total",
    "alertmanager_notifications_failed_total",
}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_reads_what_the_catalogue_has(alert):
    assert problems(alert.expr) == []
    assert problems(alert.query) == []


@pytest.mark.parametrize("rule", RECORDINGS, ids=lambda rule: rule.signal.name)
def test_every_recording_reads_what_the_catalogue_has(rule):
    assert problems(rule.expr) == []


@pytest.mark.parametrize("rule", RECORDINGS, ids=lambda rule: rule.signal.name)
def test_every_recording_keeps_the_labels_that_the_catalogue_promises(rule):
    assert labels_of(rule.expr) | set(rule.labels) == set(rule.signal.labels)


def test_every_neutral_signal_is_recorded():
    assert {rule.signal.name for rule in RECORDINGS} == NEUTRAL


def test_alerts_read_neutral_signals_and_the_stacks_own_alone():
    read = set().union(*(series_read(alert.expr) for alert in ALERTS))

    assert read - NEUTRAL - OWN == WATCHED_SERVERS


def test_every_signal_an_alert_reads_is_watched_for_absence():
    read = set().union(*(series_read(alert.expr) for alert in ALERTS)) & NEUTRAL
    rightly_absent = {signal.name for signal in presence.BY_EVENT | presence.ITSELF}
    watched = {
        rule.labels["signal"] for rule in RECORDINGS if rule.signal == neutral.SIGNAL_MISSING
    }

    assert watched == read - rightly_absent


def test_every_name_in_a_rule_file_is_a_query_of_this_test():
    names = {rule["alert"] for g in yaml.safe_load(texts(SECTION)["alerts.yml"])["groups"]
             for rule in g["rules"]}  # fmt: skip

    assert names == {alert.name for alert in ALERTS}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("up ==", "not PromQL: invalid promql query"),
        ("llm_requests", "unknown series llm_requests; did you mean llm_requests_total?"),
        ("llm:queue_dept", "unknown series llm:queue_dept; did you mean llm:queue_depth?"),
        ('{job="x"}', '{job="x"} names no series'),
        (
            'llm:queue_depth{pod="a"}',
            "llm:queue_depth has no label 'pod'; it has replica, service",
        ),
        (
            "sum by (pod) (up)",
            "up has no label 'pod'; it has instance, job, replica, service",
        ),
        (
            "llm:queue_depth and on (gpu) gpu:up",
            "llm:queue_depth has no label 'gpu'; it has replica, service",
        ),
        ("rate(llm_queue_depth[$__rate_interval])", "rate() of llm_queue_depth, which is a gauge"),
        ("increase(llm:queue_depth[5m])", "increase() of llm:queue_depth, which is a recorded"),
        (
            "delta(llm_requests_total[5m])",
            "delta() of llm_requests_total, which only grows; use increase()",
        ),
        (
            "histogram_quantile(0.9, sum(rate(llm_queue_wait_seconds_bucket[5m])))",
            "histogram_quantile of sum(rate(llm_queue_wait_seconds_bucket[5m])) without le",
        ),
        (
            'llm_queue_wait_seconds_bucket{le="0.4"}',
            "llm_queue_wait_seconds has no bucket le='0.4'",
        ),
    ],
)
def test_a_planted_mistake_is_found(query, said):
    assert problems(query) == [said]
