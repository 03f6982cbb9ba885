"""The HTTP API of Prometheus and of stores that speak it: one call, and what it warns of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import orjson

from analysis.sources.backoff import patiently
from analysis.sources.errors import BusyError, SourceError

MAX_BYTES = 256 * 2**20
ANNOTATION = ("PromQL info: ", "PromQL warning: ")
"""What begins so is said of the query; whatever else is warned of is missing from the answer."""

Form = Mapping[str, str | list[str]]


class Api:
    """Asks within a time limit and with patience; `state` takes the words of a gap."""

    def __init__(self, url: str, timeout: float, state: Callable[[str], None]) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._state = state
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            timeout=timeout,
            trust_env=False,
            headers={"user-agent": "busysignal"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, path: str, form: Form | None, *, method: str = "POST") -> Any:
        """The `data` of an answer; raises SourceError. Without a form it is a GET."""
        method = method if form else "GET"
        try:
            status, content = patiently(
                lambda: self._fetch(path, form, method if form else "GET"), self._timeout
            )
        except BusyError as error:
            raise SourceError(
                "Prometheus", self.url, f"is too busy ({error})",
                "ask for less, or later", _status(error),
            ) from None  # fmt: skip
        except httpx.TimeoutException:
            raise SourceError(
                "Prometheus", self.url, f"did not answer within {self._timeout:g} s",
                "look at its load, or raise [prometheus] timeout_seconds",
            ) from None  # fmt: skip
        except (httpx.HTTPError, OSError) as error:
            raise SourceError(
                "Prometheus", self.url, f"cannot be reached ({error})",
                "start it, or correct [prometheus] url",
            ) from None  # fmt: skip
        return self._open(status, content)

    def _fetch(self, path: str, form: Form | None, method: str) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._timeout
        asked: dict[str, Any] = {"params": form} if method == "GET" else {"data": form}
        with self._client.stream(method, path, **asked) as answer:
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:  # httpx bounds each read, not their sum
                    raise httpx.ReadTimeout("the answer drips")
                if len(content) > MAX_BYTES:
                    raise self.garbage(f"more than {MAX_BYTES} bytes")
            if answer.status_code in {429, 502, 503, 504}:
                after = answer.headers.get("retry-after", "")
                raise BusyError(
                    f"HTTP {answer.status_code}", float(after) if after.isdecimal() else 0.0
                )
            return answer.status_code, bytes(content)

    def _open(self, status: int, content: bytes) -> Any:
        try:
            answer = orjson.loads(content)
            succeeded = answer["status"] == "success"
            for word in gap_words(answer):
                self._state(word)
            if succeeded and status == 200:
                return answer["data"]
            problem, advice = f"refused: {answer['error']}", "correct the query"
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            if status == 200:
                raise self.garbage(f"it begins with {content[:40]!r}") from None
            problem, advice = f"answered HTTP {status}", "correct [prometheus] url"
        if status in {401, 403}:
            advice = "let this machine read it"
        raise SourceError("Prometheus", self.url, problem, advice, status)

    def garbage(self, what: str) -> SourceError:
        """The error of an answer that is none."""
        return SourceError(
            "Prometheus", self.url, f"gave an answer that is not Prometheus's ({what})",
            "correct [prometheus] url", 200,
        )  # fmt: skip


def gap_words(answer: Mapping[str, Any]) -> Iterator[str]:
    """What an answer says of its own completeness.

    Prometheus, Thanos and Mimir put it into `warnings`; VictoriaMetrics sets `isPartial`.
    """
    for warning in answer.get("warnings") or ():
        if str(warning).startswith(ANNOTATION):
            yield f"the query is doubtful: {warning}"
        else:
            yield f"the answer is partial: {warning}"
    if answer.get("isPartial") is True:
        yield "the answer is partial: isPartial"


def _status(error: BusyError) -> int | None:
    text = str(error).removeprefix("HTTP ")
    return int(text) if text.isdecimal() else None
