"""The template of the route that a framework chose for a request, never its path."""

from __future__ import annotations

from typing import Any

from exporters.exposition.app import Scope


def route_of(scope: Scope) -> str | None:
    """The template that Starlette, FastAPI or Litestar left in the scope; None: nothing matched.

    The parts of the path that mounts took away are put in front again, their parameters by name.
    """
    route = scope.get("route")
    if route is None:
        template: str | None = scope.get("path_template")  # Litestar
        return template
    included = scope.get("fastapi")  # FastAPI 0.137 keeps the prefix of an included router apart
    context = included.get("effective_route_context") if included else None
    inner: str | None = getattr(context, "path_format", None) or getattr(route, "path_format", None)
    before = len(scope.get("app_root_path", scope.get("root_path", "")))
    mounted = scope.get("root_path", "")[before:]
    if hasattr(route, "routes"):  # a mount of something that does not route itself
        inner = "/{path}"
    return _named(mounted, scope.get("path_params", {})) + inner if mounted and inner else inner


def _named(prefix: str, parameters: dict[str, Any]) -> str:
    if not parameters:
        return prefix
    names = {str(value): name for name, value in parameters.items()}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in prefix.split("/"))
