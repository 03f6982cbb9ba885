"""Copies of a benchmark's data that look otherwise and mean the same: nothing may hang on looks."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from benchmarks.suites.nezha import service_of

Table = list[list[str]]
FACTOR: Final = 1000.0
SHARE_LOST: Final = 0.1
HOURS: Final = 3
NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Look:
    """What is changed: names, units, order of columns and rows, clock, what is dropped or lost."""

    name: str
    names: bool = False
    units: bool = False
    columns: bool = False
    rows: bool = False
    hours: int = 0
    without: str = ""
    lost: float = 0.0
    seed: int = 0

    def alias(self, name: str) -> str:
        """Another name, the same for the same one."""
        return f"n{random.Random(name).getrandbits(48):x}" if self.names and name else name

    def chance(self, path: Path) -> random.Random:
        """What decides over a file's cells."""
        return random.Random(f"{self.seed}/{path.parent.name}/{path.name}")


PLAIN: Final = Look("as it is")
LOOKS: Final = (
    Look("names", names=True), Look("units", units=True), Look("columns", columns=True),
    Look("rows", rows=True), Look("time zone", hours=HOURS),
)  # fmt: skip


def petshop(source: Path, target: Path, look: Look) -> None:
    """Without may be `usual`, the healthy stretch, or `requests`, the counts of calls."""
    for path in sorted(source.rglob("*.*")):
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "metrics.csv":
            if look.without != "usual" or path.parent.name != "noissue":
                _write(to, _petshop_metrics(_table(path), look, look.chance(path)))
        elif path.name == "graph.csv":
            table = _table(path)
            named = [[look.alias(row[0]), *row[1:]] for row in table[1:]]
            _write(to, [[table[0][0], *map(look.alias, table[0][1:])], *named])
        elif path.name == "target.json":
            said = json.loads(path.read_text("utf-8"))
            said["target"]["node"] = look.alias(said["target"]["node"])
            said["target"]["timestamp"] += look.hours * 3600
            said["root_cause"]["node"] = look.alias(said["root_cause"]["node"])
            to.write_text(json.dumps(said), encoding="utf-8")


def _petshop_metrics(table: Table, look: Look, chance: random.Random) -> Table:
    order = list(range(1, len(table[0])))
    rows = [row for row in table[3:] if row[1:] and any(row[1:])]
    if look.columns:
        chance.shuffle(order)
    if look.rows:
        chance.shuffle(rows)

    def cell(index: int, value: str) -> str:
        counts = table[1][index] == "requests"
        if chance.random() < look.lost or (counts and look.without == "requests"):
            return ""
        return repr(float(value) * FACTOR) if look.units and value and not counts else value

    return [
        [table[0][0], *(look.alias(table[0][index]) for index in order)],
        *([row[0], *(row[index] for index in order)] for row in table[1:3]),
        *(
            [str(float(row[0]) + look.hours * 3600), *(cell(i, row[i]) for i in order)]
            for row in rows
        ),
    ]


def nezha(source: Path, target: Path, look: Look) -> None:
    """Without may be `metric`, `trace` or `log`."""
    for path in sorted(source.rglob("*.*")):
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        kind = path.parent.name
        if path.name == "faults.json":
            to.write_text(json.dumps([_fault(one, look) for one in _json(path)]), "utf-8")
        elif path.name == "root_cause_detail.json":
            named = {look.alias(name): told for name, told in _json(path).items()}
            to.write_text(json.dumps(named), "utf-8")
        elif kind in ("trace", "log", "metric") and path.suffix == ".csv":
            _nezha_file(path, to, kind, look)


def _nezha_file(path: Path, to: Path, kind: str, look: Look) -> None:
    normal = path.parents[2].name == "normal"
    if kind == look.without and kind == "metric":
        return
    frame = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)
    if kind == look.without:
        frame = frame.clear()
    if kind == "metric":
        frame = _metric_cells(frame, look, look.chance(path))
        pod = path.name.removesuffix("_metric.csv")
        to = to.with_name(f"{_pod(pod, look)}_metric.csv")
    else:
        frame = _nezha_lines(frame, look, look.chance(path))
        to = to.with_name(_minute(path.name, 0 if normal else look.hours))
    if look.columns:
        order = list(frame.columns)
        look.chance(path).shuffle(order)
        frame = frame.select(order)
    frame.write_csv(to)


def _nezha_lines(frame: pl.DataFrame, look: Look, chance: random.Random) -> pl.DataFrame:
    shift = look.hours * 3600 * NS
    times = [name for name in frame.columns if name.endswith("UnixNano")]
    frame = frame.with_columns(
        (pl.col(name).cast(pl.Int64) + shift).cast(pl.String) for name in times if shift
    )
    if look.names:
        frame = frame.with_columns(_renamed(frame, "PodName", look))
    keep = [chance.random() >= look.lost for _ in range(frame.height)]
    frame = frame.filter(pl.Series(keep, dtype=pl.Boolean))
    return frame.sample(fraction=1.0, shuffle=True, seed=look.seed) if look.rows else frame


def _renamed(frame: pl.DataFrame, column: str, look: Look) -> pl.Expr:
    pods = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({pod: _pod(pod, look) for pod in pods})


def _pod(pod: str, look: Look) -> str:
    service = service_of(pod)
    return look.alias(service) + pod.removeprefix(service)


def _metric_cells(frame: pl.DataFrame, look: Look, chance: random.Random) -> pl.DataFrame:
    told = [name for name in frame.columns if name not in ("Time", "TimeStamp", "PodName")]
    values = frame.with_columns(
        pl.col(told).cast(pl.Float64, strict=False) * (FACTOR if look.units else 1.0),
        (pl.col("TimeStamp").cast(pl.Float64) + look.hours * 3600).cast(pl.Int64),
    )
    if look.lost:
        values = values.with_columns(_holes(values[name], chance, look.lost) for name in told)
    return values.sample(fraction=1.0, shuffle=True, seed=look.seed) if look.rows else values


def _holes(values: pl.Series, chance: random.Random, lost: float) -> pl.Series:
    kept = [None if chance.random() < lost else value for value in values.to_list()]
    return pl.Series(values.name, kept, dtype=values.dtype)


def _fault(fault: dict[str, Any], look: Look) -> dict[str, Any]:
    at = datetime.fromisoformat(fault["inject_time"]).replace(tzinfo=UTC)
    later = (at + timedelta(hours=look.hours)).strftime("%Y-%m-%d %H:%M:%S")
    return {**fault, "inject_time": later, "inject_pod": _pod(fault["inject_pod"], look)}


def _minute(name: str, hours: int) -> str:
    hour, _, rest = name.partition("_")
    return f"{int(hour) + hours:02d}_{rest}"


def incidents(source: Path, target: Path, look: Look) -> None:
    """Without may be `spans`, `logs`, or the beginning of names of metrics."""
    for path in sorted(source.rglob("truth.json")):
        to = target / path.parent.relative_to(source)
        shutil.copytree(path.parent, to)
        metrics = pl.read_parquet(to / "metrics.parquet")
        known = {
            str(name)
            for column in ("replica", "upstream", "model")
            for name in metrics[column].drop_nulls().unique()
        }
        aliases = {name: look.alias(name) for name in sorted(known) if name}
        for name in ("metrics", "spans", "logs"):
            frame = pl.read_parquet(to / f"{name}.parquet")
            _incident_frame(frame, name, aliases, look).write_parquet(to / f"{name}.parquet")
        for name in ("alert", "truth"):
            document = _incident_document(_json(to / f"{name}.json"), aliases, look)
            (to / f"{name}.json").write_text(json.dumps(document), "utf-8")


def _incident_frame(
    frame: pl.DataFrame, name: str, aliases: dict[str, str], look: Look
) -> pl.DataFrame:
    if name == look.without:
        frame = frame.clear()
    frame = frame.with_columns(pl.col("ts_ns") + look.hours * 3600 * NS)
    if look.names:
        frame = frame.with_columns(_aliased(frame, aliases))
    if name == "metrics":
        frame = frame.filter(~pl.col("name").str.starts_with(look.without or "\0"))
        if look.units:
            measured = pl.col("name").str.contains("seconds|bytes|tokens|memory_used:bytes")
            scaled = pl.col("value") * FACTOR
            frame = frame.with_columns(pl.when(measured).then(scaled).otherwise(pl.col("value")))
    if look.units and "duration_ns" in frame.columns:
        frame = frame.with_columns(pl.col("duration_ns") * int(FACTOR))
    chance = random.Random(f"{look.seed}/{name}/{frame.height}")
    keep = [chance.random() >= look.lost for _ in range(frame.height)]
    frame = frame.filter(pl.Series(keep, dtype=pl.Boolean))
    if look.rows:
        frame = frame.sample(fraction=1.0, shuffle=True, seed=look.seed)
    order = list(frame.columns)
    if look.columns:
        chance.shuffle(order)
    return frame.select(order)


def _aliased(frame: pl.DataFrame, aliases: dict[str, str]) -> list[pl.Expr]:
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    prose = ("body", "operation", "attributes")
    whole = [name for name in texts if name not in ("name", *prose)]
    said = [name for name in texts if name in prose]
    return [
        *(pl.col(name).replace(aliases) for name in whole),
        *(pl.col(name).str.replace_many(aliases) for name in said),
    ]


def _incident_document(said: Any, aliases: dict[str, str], look: Look) -> Any:
    if isinstance(said, dict):
        later = look.hours * 3600 * NS
        return {
            key: value + later
            if key in ("starts_ns", "asked_ns", "onset_ns") and value is not None
            else _incident_document(value, aliases, look)
            for key, value in said.items()
        }
    if isinstance(said, list):
        return [_incident_document(one, aliases, look) for one in said]
    if isinstance(said, str) and look.names:
        kind, slash, name = said.rpartition("/")
        return kind + slash + aliases.get(name, name)
    return said


Copy = Callable[[Path, Path, Look], None]


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _table(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)
