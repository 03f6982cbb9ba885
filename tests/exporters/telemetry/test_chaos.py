from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.telemetry_chaos import storm
from demo.servers import RunFolder, start_elasticsearch

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_every_span_and_log_is_there_once_after_three_kills(
    elasticsearch_home: Path, section, tmp_path: Path
):
    with start_elasticsearch(RunFolder(tmp_path / "run"), heap=("256m", "512m")) as server:
        config = section(url=server.url, timeout_seconds=10)

        found = storm(server, config, seconds=40, rate=50, kills=3)

    for told in found.values():
        assert (told.accepted, 0, 0, 0) == (told.found, told.missing, told.twice, told.dropped)
        assert told.accepted > 500
