from __future__ import annotations

import re

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporters.catalog.signal import Counter, Gauge, Histogram
from exporters.exposition import Registry, text

SECONDS = Histogram(
    name="job_seconds", help="Time.", labels=("kind",), unit="seconds", buckets=(0.5, 1.0, 10.0)
)


def test_openmetrics_names_counters_without_their_suffix_and_escapes_quotes():
    registry = Registry()
    registry.counter(Counter(name="jobs", help='The "done" ones.')).inc(2)
    registry.gauge(Gauge(name="queue_total", help="Odd, but a gauge.")).set(1)

    assert registry.collect_openmetrics() == (
        '# HELP jobs The \\"done\\" ones.\n# TYPE jobs counter\njobs_total 2.0\n'
        "# HELP queue_total Odd, but a gauge.\n# TYPE queue_total gauge\nqueue_total 1.0\n"
    )
    assert text.openmetrics(registry.collect_text()) == registry.collect_openmetrics()


def test_an_exemplar_stands_behind_its_bucket_in_openmetrics_alone():
    registry = Registry()
    registry.histogram(SECONDS).labels("a").observe(0.7, "4bf92f3577b34da6a3ce929d0e0e4736")

    pages = registry.collect_text(), registry.collect_openmetrics()

    assert "#  {" not in pages[0]
    assert "trace_id" not in pages[0]
    found = [line for line in pages[1].splitlines() if " # " in line]
    assert len(found) == 1
    assert re.fullmatch(
        r'job_seconds_bucket\{kind="a",le="1.0"\} 1 '
        r'# \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.7 \d+\.\d{3}',
        found[0],
    )


def test_prometheus_clients_own_parser_reads_the_openmetrics_page():
    registry = Registry()
    child = registry.histogram(SECONDS).labels('odd "quoted" \\ name')
    child.observe(0.3, "ab" * 16)
    child.observe(7.0, "cd" * 16)
    registry.counter(Counter(name="jobs", help='The "done" ones \\ or not.')).inc(2)

    families = {
        family.name: family
        for family in text_string_to_metric_families(registry.collect_openmetrics() + "# EOF\n")
    }

    assert families["jobs"].documentation == 'The "done" ones \\ or not.'
    exemplars = [sample.exemplar for sample in families["job_seconds"].samples if sample.exemplar]
    assert [(found.labels["trace_id"], found.value) for found in exemplars] == [
        ("ab" * 16, 0.3),
        ("cd" * 16, 7.0),
    ]
