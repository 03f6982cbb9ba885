from __future__ import annotations

import polars as pl

from analysis.devices import devices


def infos(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"ts_ns": 1, "instance": i, "gpu": g, "uuid": u} for i, g, u in rows],
    )


def probes(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return infos(*rows).rename({"gpu": "device"})


def test_gpus_of_one_host_go_by_their_number():
    found = devices(infos(("a:9400", "0", "A"), ("a:9400", "1", "B")), pl.DataFrame())

    assert found.by_uuid == {"A": "gpu/0", "B": "gpu/1"}


def test_the_same_number_on_two_hosts_is_two_gpus():
    found = devices(infos(("a:9400", "0", "A"), ("b:9400", "0", "B")), pl.DataFrame())
    answer = pl.DataFrame({"instance": ["a:9400", "b:9400"], "gpu": ["0", "0"]})

    assert found.by_uuid == {"A": "gpu/a/0", "B": "gpu/b/0"}
    assert answer.select(found.entity(answer)).to_series().to_list() == ["gpu/a/0", "gpu/b/0"]


def test_a_probe_that_counts_its_devices_otherwise_is_matched_by_uuid():
    found = devices(
        infos(("a:9400", "0", "A"), ("a:9400", "1", "B")),
        probes(("pod:9401", "cuda:0", "B")),
    )
    answer = pl.DataFrame({"instance": ["pod:9401"], "device": ["cuda:0"]})

    assert answer.select(found.entity(answer)).item() == "gpu/1"


def test_a_probe_without_a_uuid_goes_by_number_and_host():
    found = devices(infos(("a:9400", "0", "A"), ("b:9400", "0", "B")), pl.DataFrame())
    answer = pl.DataFrame({"instance": ["b:9401"], "device": ["cuda:0"]})

    assert answer.select(found.entity(answer)).item() == "gpu/b/0"


def test_a_series_without_either_label_is_no_gpu():
    answer = pl.DataFrame({"replica": ["r1"]})

    assert answer.select(devices(pl.DataFrame(), pl.DataFrame()).entity(answer)).item() is None
