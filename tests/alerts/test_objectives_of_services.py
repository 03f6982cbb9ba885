from __future__ import annotations

from decimal import Decimal

import pytest

from alerts import slo
from alerts.config import Override, RulesSection
from alerts.render import texts
from exporters.errors import UsageError
from tests.alerts.conftest import Fires, Teller

SECTION = RulesSection.model_validate(
    {
        "scrape_interval_seconds": 60,
        "objectives": {
            "latency": {"target": "0.98"},
            "services": {
                "batch": {"availability": {"target": "0.9"}, "latency": {"bound_seconds": 5}}
            },
        },
    }
)
WHERE = 'job="gateway",instance="g",service="{}",model="m"'
REQUESTS = "llm_requests_total{{" + WHERE + ',outcome="{}",status="{}"}}'
DURATION = (
    "llm_request_duration_by_outcome_seconds_{}{{" + WHERE + ',priority="normal",outcome="ok"{}}}'
)


@pytest.fixture
def told(promtool, tmp_path):
    return Teller(promtool, tmp_path, SECTION)


def burning(service, share, target):
    return Fires(
        {"service": service, "slo": "availability"},
        {
            "description": f"{share} of requests to {service} miss the objective: {target} of "
            "requests are to be answered.",
            "query": f'llm:slo_errors:ratio_rate5m{{slo="availability",service="{service}"}}',
            "dashboard_url": f"http://127.0.0.1:3000/d/busysignal-service?var-service={service}",
        },
    )


def test_a_service_keeps_what_it_has_of_its_own_and_the_rest_as_all_do():
    own = SECTION.objectives.of("batch")

    assert own.availability.target == Decimal("0.9")
    assert own.latency.bound_seconds == 5
    assert own.latency.target == Decimal("0.98")
    assert [(level.slo, len(level.own)) for level in slo.levels(SECTION.objectives)] == [
        ("availability", 1), ("latency", 1), ("first_token", 0), ("inter_token", 0), ("goodput", 0),
    ]  # fmt: skip


def test_what_wakes_people_for_one_service_wakes_nobody_for_another(told):
    def story(service):
        return {
            REQUESTS.format(service, "ok", "200"): "0+60x60 3600+45x90",
            REQUESTS.format(service, "error", "500"): "0x60 0+15x90",
        }

    told.alerts(
        story("chat") | story("batch"),
        ("60m", "AvailabilityBurnFast", []),
        ("140m", "AvailabilityBurnFast", [burning("chat", "25%", "99.5%")]),
        interval="1m",
    )


def test_a_loose_target_is_missed_at_last_and_the_page_names_it(told):
    told.alerts(
        {
            REQUESTS.format("batch", "ok", "200"): "0+60x60 3600x90",
            REQUESTS.format("batch", "error", "500"): "0x60 0+60x90",
        },
        ("140m", "AvailabilityBurnFast", [burning("batch", "100%", "90%")]),
        interval="1m",
    )


def test_each_service_is_counted_by_its_own_bound(told):
    def story(service):
        return {
            DURATION.format("count", service, ""): "0+60x60",
            DURATION.format("bucket", service, ',le="0.5"'): "0+15x60",
            DURATION.format("bucket", service, ',le="5.0"'): "0+45x60",
        }

    shares = "llm:slo_errors:ratio_rate5m"
    told.values(
        story("chat") | story("batch"),
        (
            "30m",
            f'{shares}{{slo="latency"}}',
            {
                f'{shares}{{slo="latency",service="chat"}}': 0.75,
                f'{shares}{{slo="latency",service="batch"}}': 0.25,
            },
        ),
        interval="1m",
    )


def test_a_budget_is_what_the_own_target_allows(told):
    requests = {REQUESTS.format(name, "ok", "200"): "0+60x1500" for name in ("chat", "batch")}
    allowed = (
        'llm:slo_budget_left:requests{slo="availability"}\n'
        '/ on (service) llm:slo_requests:increase30d{slo="availability"}'
    )

    told.values(
        requests,
        ("1440m", allowed, {'{service="chat"}': 0.005, '{service="batch"}': 0.1}),
        interval="1m",
    )


@pytest.mark.parametrize(
    "config",
    [
        {"objectives": {"services": {"bacth": {}}}},
        {"notify": {"teams": {"all": {"services": ["bacth"]}}}},
    ],
)
def test_a_service_that_there_is_not_is_refused(config):
    with pytest.raises(UsageError, match=r"\[rules\] .* is about the service 'bacth', which "):
        RulesSection.model_validate({"services": ["chat", "batch"], **config})


def test_an_override_for_a_service_that_there_is_not_is_refused_at_render():
    override = Override(alert="QueueDeep", entity="bacth/r1", value=3)

    with pytest.raises(UsageError) as refused:
        texts(RulesSection(services=("chat",), overrides=(override,)))

    assert str(refused.value) == (
        "[rules] an override of QueueDeep is about the service 'bacth', which [rules] services "
        "does not name; it names chat"
    )
    assert texts(RulesSection(overrides=(override,)))
