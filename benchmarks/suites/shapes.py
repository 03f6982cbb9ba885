"""Documents of real writers, read back and held against what was sent, field by field.

Layout: a folder with `truth_spans.ndjson` or `truth_logs.ndjson`; every other `*.ndjson` in it is
one writer's documents, `{"_index", "_id"?, "_source"}` a line. A field that is not the truth's is
*lost* where the document does not hold the truth's value either: the writer dropped or rounded it.
Where the document does hold it, the field is *wrong*: we read it badly.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from analysis.sources.shapes import reader
from analysis.sources.values import Hit
from benchmarks.suites import shape_truth as truths
from benchmarks.suites.result import NoLayoutError, Result

LAYOUT = ("truth_spans.ndjson", "truth_logs.ndjson")


def run(data: Path) -> Result:
    """Read every writer's documents below `data`; raise NoLayoutError where no truth is."""
    folders = sorted({path.parent for name in LAYOUT for path in data.rglob(name)})
    if not folders:
        raise NoLayoutError(f"no {' or '.join(LAYOUT)} below {data}")
    began = time.perf_counter()
    cases = [case for folder in folders for case in _folder(folder, data)]
    seconds = time.perf_counter() - began
    total = {name: sum(case[name] for case in cases) for name in _COUNTS}
    return Result(
        "shapes",
        {
            "spans_exact": _share(total["spans_right"], total["spans"]),
            "logs_exact": _share(total["logs_right"], total["logs"]),
            "fields_exact": _share(
                total["fields_equal"], total["fields_equal"] + total["fields_wrong"]
            ),
            **total,
            "seconds_per_case": seconds / max(1, len(cases)),
        },
        cases,
        columns=("id", "shapes", "spans", "spans_exact", "logs", "logs_exact", "fields_equal",
                 "fields_lost", "fields_wrong", "lost"),
        notes=("exact: every field that the writer kept; lost: by the writer",),
    )  # fmt: skip


_COUNTS = (
    "documents", "spans", "spans_right", "logs", "logs_right", "fields_equal", "fields_lost",
    "fields_wrong", "unread",
)  # fmt: skip


def _folder(folder: Path, data: Path) -> Iterator[dict[str, Any]]:
    sent = truths.Truths(_lines(folder / LAYOUT[0]), _lines(folder / LAYOUT[1]))
    for path in sorted(folder.glob("*.ndjson")):
        if path.name not in LAYOUT:
            hits = [
                Hit(line.get("_index", ""), str(number), line.get("_source", line))
                for number, line in enumerate(_lines(path))
            ]
            yield {"id": str(path.relative_to(data).with_suffix("")), **case(hits, sent)}


def case(hits: list[Hit], sent: truths.Truths) -> dict[str, Any]:
    """Read one writer's documents and compare; `Hit.id` is the number of the document."""
    known = reader()
    spans, span_problems = known.spans(hits)
    logs, log_problems = known.logs(hits)
    verdicts = [
        *(("spans", each) for each in sent.judge_spans(spans, hits)),
        *(("logs", each) for each in sent.judge_logs(logs, hits)),
    ]
    fields = Counter(word for _, each in verdicts for word in each.values())
    found = {kind: [each for name, each in verdicts if name == kind] for kind in ("spans", "logs")}
    right = {
        kind: sum("wrong" not in each.values() for each in many) for kind, many in found.items()
    }
    return {
        "shapes": sorted({known.shape(hit.source).name for hit in hits}),
        "documents": len(hits),
        **{kind: len(many) for kind, many in found.items()},
        **{f"{kind}_right": count for kind, count in right.items()},
        **{f"{kind}_exact": _share(right[kind], len(many)) for kind, many in found.items()},
        "logs_of_others": logs.height - len(found["logs"]),
        "unread": _neither(span_problems, log_problems),
        "fields_equal": fields["equal"],
        "fields_lost": fields["lost"],
        "fields_wrong": fields["wrong"],
        "lost": _named(verdicts, "lost"),
        "wrong": _named(verdicts, "wrong"),
    }


def _neither(spans: Counter[str], logs: Counter[str]) -> int:
    """Documents that are neither; both readings count them."""
    return max(sum(spans.values()), sum(logs.values()))


def _named(verdicts: list[tuple[str, dict[str, str]]], word: str) -> list[str]:
    """Columns of which anything is lost or wrong, attributes told as one."""
    return sorted(
        {
            f"{kind}.{field.partition(':')[0]}"
            for kind, each in verdicts
            for field, said in each.items()
            if said == word
        }
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open("rb") as file:
        return [orjson.loads(line) for line in file if line.strip()]
