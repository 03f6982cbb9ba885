"""A connection to Elasticsearch: who we are, whom we trust, and how each failure is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import elastic_transport
import elasticsearch
import msgspec
from elastic_transport import ApiResponse
from elasticsearch import Elasticsearch
from elasticsearch.serializer import OrjsonSerializer

from analysis.sources.backoff import patiently
from analysis.sources.bounded import BoundedNode, TooLargeError
from analysis.sources.errors import BusyError, SourceError
from analysis.sources.section import ElasticsearchSection
from exporters.errors import UsageError

AnswerT = TypeVar("AnswerT")
BUSY = frozenset({429, 502, 503, 504})


class _Bytes(OrjsonSerializer):
    """Leaves an answer as it came: pages are decoded field by field, not as one tree."""

    def loads(self, data: bytes) -> Any:
        return data


class Connection:
    """Calls with a time limit, a bound on those at once, and patience with a busy server."""

    def __init__(self, section: ElasticsearchSection, opaque_id: str) -> None:
        self.url = section.url
        self._seconds = section.timeout_seconds
        self._free = threading.BoundedSemaphore(section.searches)
        self._client = _client(section, opaque_id, OrjsonSerializer())
        self._raw = _client(section, opaque_id, _Bytes())

    def call(
        self, kind: type[AnswerT], call: Callable[[Elasticsearch], ApiResponse[Any]]
    ) -> AnswerT:
        """The answer to a call, as what it must be; raises SourceError."""
        return self.read(kind, self._ask(lambda: call(self._client)))

    def read(self, kind: type[AnswerT], answer: Any) -> AnswerT:
        """A part of an answer as what it must be; raises SourceError."""
        try:
            return msgspec.convert(answer, kind, strict=False)
        except msgspec.ValidationError as error:
            raise self._stranger(str(error)) from None

    def call_raw(self, call: Callable[[Elasticsearch], ApiResponse[Any]]) -> bytes:
        """The answer to a call, as it came; raises SourceError, or TooLargeError."""
        answer = self._answer(lambda: call(self._raw))
        if not isinstance(answer, bytes):
            raise self._stranger("not JSON")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._raw.close()

    def error(self, problem: str, advice: str, status: int | None = None) -> SourceError:
        """The one error of this source."""
        return SourceError("Elasticsearch", self.url, problem, advice, status)

    def _ask(self, call: Callable[[], ApiResponse[Any]]) -> Any:
        try:
            return self._answer(call)
        except TooLargeError as error:
            raise self._stranger(str(error)) from None

    def _answer(self, call: Callable[[], ApiResponse[Any]]) -> Any:
        try:
            return patiently(lambda: self._once(call), self._seconds)
        except BusyError as error:
            raise self.error(f"is too busy ({error})", "ask for less, or later") from None
        except elasticsearch.ApiError as error:
            raise self._refused(error) from None
        except elastic_transport.ConnectionTimeout:
            raise self.error(
                f"did not answer within {self._seconds:g} s",
                "look at its load, or raise [elasticsearch] timeout_seconds",
            ) from None
        except elastic_transport.ConnectionError as error:
            if isinstance(error.__cause__, TooLargeError):
                raise TooLargeError(error.message) from None
            raise self.error(
                f"cannot be reached ({error.message})", "start it, or correct [elasticsearch] url"
            ) from None
        except (
            elastic_transport.SerializationError,
            elasticsearch.UnsupportedProductError,
            TypeError,
            ValueError,
        ) as error:
            raise self._stranger(type(error).__name__) from None

    def _once(self, call: Callable[[], ApiResponse[Any]]) -> Any:
        try:
            with self._free:
                return call().body
        except elasticsearch.ApiError as error:
            status = error.meta.status
            if status not in BUSY:
                raise
            after = str(error.meta.headers.get("retry-after", ""))
            pause = float(after) if after.isdecimal() else 0.0
            raise BusyError(f"HTTP {status}", pause) from None

    def _refused(self, error: elasticsearch.ApiError) -> SourceError:
        status, advice = error.meta.status, "check [elasticsearch] url and the user's rights"
        if "media_type_header_exception" in str(error):
            major = elasticsearch.__version__[0]
            advice = f"its version is too old for elasticsearch-py {major}: install an older one"
        if status in {401, 403}:
            advice = "check [elasticsearch] credentials and their rights to read and monitor"
        elif "rights" in advice:
            advice += " to read and monitor"
        return self.error(f"refused ({status}: {error.message})", advice, status)

    def _stranger(self, what: str) -> SourceError:
        return self.error(
            f"gave an answer that is not Elasticsearch's ({what})", "correct [elasticsearch] url"
        )


def credentials(section: ElasticsearchSection) -> tuple[str, str] | None:
    """User and password of the section; None without a user. Raises UsageError if unreadable."""
    if section.user is None:
        return None
    if section.password_file is None:
        raise UsageError(
            "[elasticsearch] has a user but no password; set password_file to its file"
        )
    return section.user, _secret(section.password_file, "password_file", "the password")


def _client(
    section: ElasticsearchSection, opaque_id: str, serializer: OrjsonSerializer
) -> Elasticsearch:
    return Elasticsearch(
        section.url,
        **_identity(section),
        **_trust(section),
        request_timeout=section.timeout_seconds,
        opaque_id=opaque_id,
        max_retries=0,
        retry_on_status=(),
        connections_per_node=section.searches + 2,
        node_class=BoundedNode,
        serializer=serializer,
    )


def _identity(section: ElasticsearchSection) -> dict[str, Any]:
    if section.api_key_file is None:
        return {"basic_auth": credentials(section)}
    if section.user is not None:
        raise UsageError("[elasticsearch] has both a user and api_key_file; leave one of them out")
    return {"api_key": _secret(section.api_key_file, "api_key_file", "the encoded key")}


def _trust(section: ElasticsearchSection) -> dict[str, Any]:
    """What TLS is checked against; empty without https, which the client itself requires."""
    given: dict[str, Path | str | None] = {
        "ca_certs": section.ca_file,
        "client_cert": section.client_cert_file,
        "client_key": section.client_key_file,
        "ssl_assert_fingerprint": section.fingerprint,
    }
    trust = {name: str(value) for name, value in given.items() if value is not None}
    if trust and not section.url.startswith("https://"):
        raise UsageError(
            f"[elasticsearch] url {section.url} is not https, but certificates are configured; "
            "write https://, or leave them out"
        )
    for key in ("ca_file", "client_cert_file", "client_key_file"):
        path = getattr(section, key)
        if path is not None and not path.is_file():
            raise UsageError(f"[elasticsearch] {key} {path} is no file; name a PEM file")
    return trust


def _secret(path: Path, key: str, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(
            f"[elasticsearch] {key} {path} cannot be read: {error.strerror}; "
            f"name a file that holds {what} alone"
        ) from None
