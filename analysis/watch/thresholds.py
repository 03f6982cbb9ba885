"""Levels that people set while everything runs: kept on disk, shown as `busysignal_threshold`."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import ValidationError

from alerts import rules, thresholds
from analysis.watch.webhook import PostedThreshold
from exporters.catalog.levels import SET
from exporters.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.config import RulesSection
    from exporters.exposition import Registry


class ThresholdStore:
    """What was set, by alert and entity, in one JSON file that is replaced as a whole."""

    def __init__(self, path: Path, registry: Registry, section: RulesSection) -> None:
        """Read what was set before; raises UsageError when the file is none of ours."""
        self._path = path
        self._lock = Lock()
        self._gauge = registry.gauge(SET)
        self._levels = rules.levels(section)
        self._kept = {(kept.alert, kept.entity): kept for kept in _read(path)}
        for kept in self._kept.values():
            self._show(kept)

    def listing(self) -> list[dict[str, object]]:
        """Everything that was set."""
        return [kept.model_dump() for _, kept in sorted(self._kept.items())]

    def change(self, posted: PostedThreshold) -> None:
        """Set a level, or take it back; on disk before it is shown.

        Raises UsageError for an alert, an entity or a value that cannot be.
        """
        if posted.value is not None:
            thresholds.check(self._levels, posted.alert, posted.entity, posted.value)
        with self._lock:
            kept = dict(self._kept)
            kept.pop((posted.alert, posted.entity), None)
            if posted.value is not None:
                kept[posted.alert, posted.entity] = posted
            _write(self._path, [one.model_dump() for one in kept.values()])
            self._kept = kept
            self._show(posted)

    def _show(self, posted: PostedThreshold) -> None:
        if posted.value is None:
            self._gauge.remove(posted.alert, posted.entity)
        else:
            self._gauge.set(posted.value, posted.alert, posted.entity)


def beside(database: Path) -> Path:
    """Where levels are kept: beside what else `watch` keeps."""
    return database.with_suffix(".thresholds.json")


def _read(path: Path) -> list[PostedThreshold]:
    if not path.exists():
        return []
    try:
        return [PostedThreshold.model_validate(one) for one in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError, ValidationError) as error:
        what = str(error).partition("\n")[0]
        raise UsageError(
            f"the thresholds in {path} cannot be read: {what}; mend or delete the file"
        ) from None


def _write(path: Path, kept: list[dict[str, object]]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)
