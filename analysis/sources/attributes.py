"""The column `attributes`: which fields of a document are attributes, and under which names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from analysis.sources.flatten import Told
from analysis.sources.shape import Attributes
from analysis.sources.values import KEPT_RESOURCE


def to_json(values: Mapping[str, Any]) -> str:
    """JSON of any object; what orjson refuses (long integers, lone surrogates) as Python does."""
    try:
        return orjson.dumps(values).decode()
    except TypeError:
        return json.dumps({key: _finite(value) for key, value in values.items()}, default=str)


def _finite(value: Any) -> Any:
    return value if isinstance(value, str | int) else str(value)


class Naming:
    """Names of one shape's attributes; each name is looked at once."""

    def __init__(self, rules: Attributes) -> None:
        self._rules = rules
        self._dots = {name.replace(".", "_"): name for name in rules.known_dots.names}
        self._prefixes = sorted(
            ((name.replace(".", "_"), name) for name in rules.known_dots.prefixes),
            key=lambda pair: -len(pair[0]),
        )
        self.of = lru_cache(maxsize=10_000)(self._of)
        if rules.resource is not None:
            self.resource = {key: rules.resource + key for key in KEPT_RESOURCE}
        else:
            self.resource = dict(rules.resource_fields)

    def text(self, told: Told) -> str:
        """JSON of one flat object: the attributes, and what is kept of the resource."""
        of = self.of
        named: dict[str, Any] = {}
        for key, value in told.items():
            name = of(key)
            if name is not None and value is not None:
                named[name] = value
        for key, field in self.resource.items():
            value = told.get(field)
            if value is not None:
                named[f"resource.{key}"] = value
        return to_json(named)

    def _of(self, field: str) -> str | None:
        rules = self._rules
        if field in rules.renamed:
            return rules.renamed[field]
        if field in rules.as_is:
            return field
        for taken in rules.except_:
            if field == taken or (taken.endswith(".") and field.startswith(taken)):
                return None
        for prefix in rules.under:
            if field.startswith(prefix):
                return self._dotted(field.removeprefix(prefix))
        return None

    def _dotted(self, name: str) -> str:
        if name in self._dots:
            return self._dots[name]
        for flat, dotted in self._prefixes:
            if name.startswith(flat):
                return dotted + name.removeprefix(flat)
        return name
