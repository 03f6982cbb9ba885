"""What is posted to us: from who knows the token, no larger than allowed, checked as a model."""

from __future__ import annotations

import hmac
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request


class MalformedError(ValueError):
    """A body that is not what it should be; the text is one line for whoever sent it."""


class Posted(BaseModel):
    """Alertmanager, for one, adds fields between releases: the unknown is left alone."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


PostedT = TypeVar("PostedT", bound=Posted)


async def body_of(request: Request, *, token: str | None, limit: int) -> bytes:
    """Read the body; raises HTTPException, 401 without the token, 413 beyond `limit` bytes."""
    if token:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "a bearer token is required", {"WWW-Authenticate": "Bearer"})
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"more than {limit} bytes")
    return bytes(body)


def parse(model: type[PostedT], body: bytes, wanted: str) -> PostedT:
    """Validate `body`; raises MalformedError with the first problem in one line."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in problem["loc"])
        at = f"{where}: " if where else ""
        raise MalformedError(f"not {wanted}: {at}{problem['msg']}".replace("\n", " ")) from None
