"""A document as one flat object of dotted names, whichever way its writer nested them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.sources.shape import ListRule, Shape
from analysis.sources.values import Document

DEEPEST = 40
"""A document that nests deeper is hostile: what lies below is left out."""

Told = dict[str, Any]


def flatten(document: Document) -> Told:
    """Write nested objects as dotted names; of a list of objects the first counts."""
    told: Told = {}
    _into(told, document, "", 0)
    return told


def _into(told: Told, values: Mapping[str, Any], prefix: str, depth: int) -> None:
    for key, value in values.items():
        if type(value) is dict:
            if depth < DEEPEST:
                _into(told, value, f"{prefix}{key}.", depth + 1)
        else:
            told[prefix + key] = value
            if type(value) is list and value and type(value[0]) is dict and depth < DEEPEST:
                _into(told, value[0], f"{prefix}{key}.", depth + 1)


def apply_lists(told: Told, shape: Shape) -> None:
    """Turn lists of objects into fields as the shape's rules say, and give names their dots."""
    for name, rule in shape.lists.items():
        items = told.pop(name, None)
        if isinstance(items, list):
            found = [item for item in items if isinstance(item, dict)]
            _pairs(told, found, rule) if rule.key else _kinds(told, name, found, rule)
    for prefix, dot in shape.attributes.dots.items():
        for key in [key for key in told if dot in key and key.startswith(prefix)]:
            told[key.replace(dot, ".")] = told.pop(key)


def _pairs(told: Told, items: list[Told], rule: ListRule) -> None:
    for item in items:
        key = item.get(rule.key or "")
        if isinstance(key, str):
            told.setdefault(rule.to + key, item.get(rule.value))


def _kinds(told: Told, name: str, items: list[Told], rule: ListRule) -> None:
    """The first object of each kind, of those that share a field with the document."""
    own = told.get(rule.same) if rule.same else None
    for item in items:
        if rule.same and item.get(rule.same, own) != own:
            continue
        for key, value in item.items():
            told.setdefault(f"{name}.{item.get(rule.by or '')}.{key}", value)
