"""Strict config: sections as pydantic models, one TOML file, `BUSYSIGNAL__SECTION__KEY` on top."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from exporters.errors import UsageError

PREFIX = "BUSYSIGNAL__"


class Section(BaseModel):
    """A part of the config: unknown keys are errors, values are checked, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ConfigT = TypeVar("ConfigT", bound=Section)


def load(model: type[ConfigT], path: Path | None, environ: Mapping[str, str]) -> ConfigT:
    """Read `path` (TOML; None for defaults alone), lay the environment over it, and check all.

    Raises UsageError naming the file, the key, its value and what is allowed.
    """
    where = str(path) if path else "the environment"
    values = _read(path) if path else {}
    _overlay(values, environ)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError(_explain(error, model, where)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"config {path} does not exist; give --config FILE, or leave it out for the defaults"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path} is not TOML: {error}; correct that line") from None


def _overlay(values: dict[str, Any], environ: Mapping[str, str]) -> None:
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


def _explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    problem = error.errors(include_url=False)[0]
    *parents, key = [str(part) for part in problem["loc"]] or [""]
    dotted = ".".join([*parents, key])
    if problem["type"] == "extra_forbidden":
        allowed = _keys(model, parents)
        near = difflib.get_close_matches(key, allowed, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(allowed)}"
        return f"{where}: unknown key {dotted}; {hint}"
    return f"{where}: {dotted} = {problem['input']!r} is not valid: {problem['msg']}"


def _keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    for parent in parents:
        field = model.model_fields.get(parent)
        if field is None or not (isinstance(field.annotation, type)):
            return []
        model = field.annotation
    return sorted(model.model_fields)
