from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.errors import UsageError
from exporters.exposition.registry import Registry
from exporters.requests.caches import CacheMetrics


def counts(registry):
    return {
        sample.labels["result"]: sample.value
        for family in text_string_to_metric_families(registry.collect_text())
        for sample in family.samples
        if sample.name == "llm_cache_lookups_total"
    }


def test_every_result_is_there_before_the_first_look_up():
    registry = Registry()
    CacheMetrics(registry, "host")

    assert counts(registry) == {"hit": 0, "miss": 0, "error": 0}


def test_a_look_up_counts_once_as_what_came_of_it():
    registry = Registry()
    cache = CacheMetrics(registry, "host")
    with cache.lookup() as found:
        found.hit = True
    with cache.lookup():
        pass
    with pytest.raises(ConnectionError), cache.lookup():
        raise ConnectionError

    assert counts(registry) == {"hit": 1, "miss": 1, "error": 1}
    assert 'llm_cache_lookup_duration_seconds_count{tier="host"} 3' in registry.collect_text()


def test_a_tier_that_is_not_in_the_catalogue_is_refused():
    with pytest.raises(UsageError, match="allowed are device, host, distributed"):
        CacheMetrics(Registry(), "moon")
