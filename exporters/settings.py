"""Strict config: sections as pydantic models, one TOML file, `BUSYSIGNAL__SECTION__KEY` on top."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeGuard, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from exporters.errors import UsageError

PREFIX = "BUSYSIGNAL__"

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/\S*)?$")]

Location = tuple[int | str, ...]
"""Where in the config: the keys down to a value."""

UNITS = {
    "_seconds": "a plain number of seconds, such as 30",
    "_bytes": "a plain number of bytes, such as 1048576",
    "_ratio": "a plain share, such as 0.05 for 5 %",
}
"""What fields of these names take."""


class Section(BaseModel):
    """A part of the config: unknown keys are errors, values are checked, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ConfigT = TypeVar("ConfigT", bound=Section)


def load(model: type[ConfigT], path: Path | None, environ: Mapping[str, str]) -> ConfigT:
    """Read `path` (TOML; None for defaults alone), lay the environment over it, and check all.

    Raises UsageError naming the file or the variable, the key, its value and what is allowed.
    """
    values = _read(path) if path else {}
    variables = _overlay(values, environ)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # A misspelt key is told before the one that is missing because of it.
        problem = min(problems, key=lambda one: one["type"] != "extra_forbidden")
        where = _variable(problem["loc"], variables) or str(path or "the environment")
        raise UsageError(_explain(problem, model, where)) from None


def read_secret(path: Path, what: str) -> str:
    """What the file holds; raises UsageError when it cannot be read or is empty."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"{what} = {str(path)!r} cannot be read: {why}; name a file that holds the secret"
        ) from None
    if not text:
        raise UsageError(f"{what} = {str(path)!r} is empty; write the secret in it")
    return text


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"config {path} does not exist; give --config FILE, or leave it out for the defaults"
        ) from None
    except OSError as error:
        raise UsageError(
            f"config {path} cannot be read: {error.strerror or error}; "
            "name a TOML file that this user may read"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path} is not TOML: {error}; correct that line") from None


def _overlay(values: dict[str, Any], environ: Mapping[str, str]) -> dict[Location, str]:
    """Write the environment's values into `values`; return which variable gave which key."""
    variables: dict[Location, str] = {}
    for name, text in sorted(environ.items()):
        if name.startswith(PREFIX):
            *parents, key = name.removeprefix(PREFIX).lower().split("__")
            section = values
            for parent in parents:
                section = section.setdefault(parent, {})
                if not isinstance(section, dict):
                    raise UsageError(
                        f"{name}: {parent} is a value, not a section; correct the config"
                    )
            section[key] = text
            variables[*parents, key] = name
    return variables


def _variable(location: Location, variables: Mapping[Location, str]) -> str | None:
    """The variable that gave the value at `location`, or the one that holds it."""
    found = (variables.get(location[:end]) for end in range(len(location), 0, -1))
    return next((name for name in found if name), None)


def _explain(problem: ErrorDetails, model: type[BaseModel], where: str) -> str:
    *parents, key = [str(part) for part in problem["loc"]] or [""]
    dotted = ".".join([*parents, key])
    if problem["type"] == "extra_forbidden":
        allowed = _keys(model, parents)
        near = difflib.get_close_matches(key, allowed, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(allowed)}"
        return f"{where}: unknown key {dotted}; {hint}"
    if problem["type"] == "missing":
        return f"{where}: {dotted} is missing; give it a value"
    wanted = _plain_number(key, problem) or problem["msg"]
    return f"{where}: {dotted} = {problem['input']!r} is not valid: {wanted}"


def _plain_number(key: str, problem: ErrorDetails) -> str | None:
    """What to give where a text such as "30s" stands for a quantity whose unit its name has."""
    if problem["type"] not in {"float_parsing", "int_parsing"} or _is_number(problem["input"]):
        return None
    return next((f"give {plain}" for unit, plain in UNITS.items() if key.endswith(unit)), None)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    models = [model]
    for parent in parents:
        fields = [one.model_fields[parent] for one in models if parent in one.model_fields]
        if fields:
            models = [found for field in fields for found in _models(field.annotation)]
        # Otherwise an element of a list, a name in a table, or the kind of one of several models.
        elif kinds := [one for one in models if _is_kind(one, parent)]:
            models = kinds
    return sorted({key for one in models for key in one.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Every model that an annotation speaks of, however deep."""
    if _is_model(annotation):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _models(inner)]


def _is_kind(model: type[BaseModel], tag: str) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel)
