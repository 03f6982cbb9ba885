"""Hold a dashboard's JSON against Grafana's own model, as its foundation SDK publishes it.

The SDK's classes are made from Grafana's schemas; their type hints say which keys there are, which
must be there, and what each holds.
"""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from grafana_foundation_sdk.cog import variants

with warnings.catch_warnings():
    # It advises the model that Grafana 12 brought; 10 and 11 read the classic one alone.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models import (
        dashboard,
        elasticsearch,
        heatmap,
        logs,
        prometheus,
        stat,
        statetimeline,
        table,
        timeseries,
    )

QUERIES = {"prometheus": prometheus.Dataquery, "elasticsearch": elasticsearch.Dataquery}
PANELS = {
    "heatmap": heatmap,
    "logs": logs,
    "stat": stat,
    "state-timeline": statetimeline,
    "table": table,
    "timeseries": timeseries,
}
WRITTEN = re.compile(r'payload\["(\w+)"\] = self\.(\w+)|^\s+"(\w+)": self\.(\w+),', re.MULTILINE)


def problems(document: dict[str, Any]) -> list[str]:
    """Everything that Grafana's model does not know or would not take, one line each."""
    panels = document["panels"]
    rest = {**document, "panels": []}
    return [
        *_object(rest, dashboard.Dashboard, ""),
        *(
            line
            for number, panel in enumerate(panels)
            for line in _panel(panel, f"/panels/{number}")
        ),
    ]


def _panel(panel: dict[str, Any], path: str) -> Iterator[str]:
    if panel["type"] == "row":
        yield from _object(panel, dashboard.RowPanel, path)
        return
    yield from _object({**panel, "targets": []}, dashboard.Panel, path)
    for number, target in enumerate(panel["targets"]):
        query = QUERIES[target["datasource"]["type"]]
        yield from _object(target, query, f"{path}/targets/{number}")
    module = PANELS[panel["type"]]
    yield from _object(panel["options"], module.Options, f"{path}/options")
    custom = panel["fieldConfig"]["defaults"].get("custom")
    if custom and not hasattr(module, "FieldConfig"):
        yield f"{path}/custom: a {panel['type']} has none"
    elif custom:
        yield from _object(custom, module.FieldConfig, f"{path}/custom")


@cache
def _keys(model: type) -> tuple[dict[str, Any], frozenset[str]]:
    """Every key of a model with the type it holds, and those that must be there."""
    source = inspect.getsource(model.to_json)
    hints = typing.get_type_hints(model)
    found = {key or always: hints[attribute or name]
             for key, attribute, always, name in WRITTEN.findall(source)}  # fmt: skip
    required = {always for _, _, always, _ in WRITTEN.findall(source) if always}
    return found, frozenset(required)


def _object(data: Any, model: type, path: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{path}: {data!r} is no {model.__name__}"
        return
    keys, required = _keys(model)
    yield from (f"{path}: {model.__name__} has no {key}" for key in data.keys() - keys.keys())
    yield from (f"{path}: {model.__name__} needs {key}" for key in required - data.keys())
    for key in data.keys() & keys.keys():
        yield from _value(data[key], keys[key], f"{path}/{key}")


def _value(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        # What is there is held against what it may be; only what is null may be nothing.
        allowed = [one for one in arguments if one is not types.NoneType or value is None]
        attempts = [list(_value(value, one, path)) for one in allowed]
        if all(attempts):
            yield from min(attempts, key=len)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, one in enumerate(value):
            yield from _value(one, arguments[0], f"{path}/{number}")
    elif origin is dict:
        for key, one in value.items() if isinstance(value, dict) else ():
            yield from _value(one, arguments[1], f"{path}/{key}")
    elif isinstance(hint, type):
        yield from _plain(value, hint, path)


def _plain(value: Any, hint: type, path: str) -> Iterator[str]:
    if hint is variants.Dataquery:
        yield from _object(value, QUERIES[value["datasource"]["type"]], path)
    elif hasattr(hint, "to_json"):
        yield from _object(value, hint, path)
    elif issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: {value!r} is no number"
    elif hint is not object and (not isinstance(value, hint) or
                                 (hint is int and isinstance(value, bool))):  # fmt: skip
        yield f"{path}: {value!r} is no {hint.__name__}"
