"""Config of the endpoint probe: the section [probe.canary]."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from exporters.settings import Section


class TargetSection(Section):
    """One endpoint and one model to ask there."""

    name: str = Field(min_length=1, max_length=64)
    url: str
    """Base URL as OpenAI's clients take it, such as https://llm.example/v1."""
    model: str = Field(min_length=1, max_length=128)
    api: Literal["chat", "completions"] = "chat"
    key_file: Path | None = None
    """File that holds the bearer token; read again for each probe."""
    ca_file: Path | None = None
    """Certificates to trust instead of the usual authorities."""
    prompt: str = "Count from one to nine."
    vary_prompt: bool = True
    """Start each prompt differently, or the prefix cache answers and hides the prefill."""
    max_tokens: int = Field(default=8, ge=1, le=1024)
    include_usage: bool = True
    """Ask for usage in the stream; turn it off for engines that refuse `stream_options`."""
    answers_as: str | None = None
    """Regular expression of the model name in the answer; None: the model's own, or one of its
    dated versions (`name-...`)."""
    expect: str | None = None
    """Regular expression that must be found in the answer's text; None: any text will do."""

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("give http://host[:port]/path or https://...")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("give the URL without user, query or fragment; secrets go in key_file")
        return url.rstrip("/")

    @field_validator("answers_as", "expect")
    @classmethod
    def _regular(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"give a regular expression ({error})") from None
        return pattern

    @property
    def address(self) -> str:
        """The full URL that is posted to."""
        return f"{self.url}/{'chat/completions' if self.api == 'chat' else 'completions'}"


class CanarySection(Section):
    """Which endpoints to ask, how often, and how patiently."""

    targets: tuple[TargetSection, ...] = ()
    interval_seconds: float = Field(default=30.0, ge=0.05, le=3600)
    jitter_ratio: float = Field(default=0.2, ge=0, le=0.9)
    """Each interval is drawn within this share around the set one."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """One attempt, from resolving the name to the last token."""
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=600)
    retries: int = Field(default=1, ge=0, le=5)
    """Further attempts after a failure that may pass; each is recorded as its own."""
    backoff_seconds: float = Field(default=1.0, gt=0, le=60)
    retry_after_cap_seconds: float = Field(default=300.0, ge=0, le=3600)
    """The longest rest that an endpoint may ask for."""
    concurrency: int = Field(default=4, ge=1, le=256)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        pairs = [(target.name, target.model) for target in self.targets]
        twice = sorted({pair for pair in pairs if pairs.count(pair) > 1})
        if twice:
            name, model = twice[0]
            raise ValueError(f"two targets are named {name!r} with model {model!r}; rename one")
        return self
