# ruff: noqa: INP001  a file that people copy, no package
"""Load on a chat service of your own, in the shapes that make services answer "busy".

    pip install 'busysignal[load]'
    locust -f docs/load/locustfile.py --host http://localhost:8000 --headless -u 50 -r 5 -t 5m

Each user asks, reads the stream to its end, thinks, and asks again. Beside locust's own rows two
more are told: the time to the first token and the whole answer; a refusal (429, 503) is a failure
named busy. What is drawn: `MODEL`, `PROMPT_TOKENS` (median; the tail is long), `OUTPUT_TOKENS`,
`THINK_SECONDS` and `SHAPE` (steady, burst or stairs), from the environment. `API_KEY` goes in the
Authorization header. With `SHAPE` set, `-u` is the height of its top and `-r` its steepness.
"""

from __future__ import annotations

import math
import os
import random
import time
import uuid

from locust import HttpUser, LoadTestShape, between, task

MODEL = os.environ.get("MODEL", "default")
PROMPT_TOKENS = int(os.environ.get("PROMPT_TOKENS", "200"))
OUTPUT_TOKENS = int(os.environ.get("OUTPUT_TOKENS", "120"))
THINK_SECONDS = float(os.environ.get("THINK_SECONDS", "2"))
SHAPE = os.environ.get("SHAPE", "steady")
PATH = "/v1/chat/completions"
BUSY = (429, 503)


def prompt() -> str:
    """Words in number log-normal about the median, as people's prompts are."""
    words = int(random.lognormvariate(math.log(max(PROMPT_TOKENS, 1)), 1.0) * 0.75) + 1
    return " ".join(random.choices(("gpu", "queue", "token", "cache", "batch", "why"), k=words))


class Chatter(HttpUser):
    """One person who asks and reads."""

    wait_time = between(0.5 * THINK_SECONDS, 1.5 * THINK_SECONDS)

    @task
    def ask(self) -> None:
        """One streamed answer."""
        headers = {"X-Request-ID": uuid.uuid4().hex}
        if key := os.environ.get("API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": prompt()}],
            "max_tokens": OUTPUT_TOKENS,
            "stream": True,
        }
        began = time.perf_counter()
        with self.client.post(
            PATH, json=body, headers=headers, stream=True, catch_response=True, name="headers"
        ) as response:
            if response.status_code in BUSY:
                after = response.headers.get("Retry-After", "no time")
                response.failure(f"busy: {response.status_code}, Retry-After {after}")
                return
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return
            self._read(response, began)

    def _read(self, response: object, began: float) -> None:
        size, chunks = 0, 0
        for line in response.iter_lines():
            if not line.startswith(b"data:") or line.endswith(b"[DONE]"):
                continue
            chunks += 1
            size += len(line)
            if chunks == 1:
                self._tell("first token", began, size)
        if chunks:
            self._tell("answer", began, size)
        else:
            response.failure("an answer without a single chunk")

    def _tell(self, name: str, began: float, size: int) -> None:
        self.environment.events.request.fire(
            request_type="SSE",
            name=name,
            response_time=1000 * (time.perf_counter() - began),
            response_length=size,
            exception=None,
            context={},
        )


class _Shape(LoadTestShape):
    """Users over time; the base of those below."""

    abstract = True
    use_common_options = True

    def share(self, passed: float, whole: float) -> float:
        """Of the top, how much at `passed` seconds of `whole`."""
        raise NotImplementedError

    def tick(self) -> tuple[int, float] | None:
        """How many users now, and how fast they come."""
        options = self.runner.environment.parsed_options
        whole = float(options.run_time or 300)
        passed = self.get_run_time()
        if passed > whole:
            return None
        top = options.num_users or 10
        return max(1, round(top * self.share(passed, whole))), options.spawn_rate or top


if SHAPE == "burst":

    class Burst(_Shape):
        """A quarter of the users, then in the middle third all of them at once."""

        def share(self, passed: float, whole: float) -> float:
            """Four times the usual in the middle third."""
            return 1.0 if whole / 3 <= passed < 2 * whole / 3 else 0.25


if SHAPE == "stairs":

    class Stairs(_Shape):
        """Ten steps up: the step at which refusals begin is the capacity."""

        def share(self, passed: float, whole: float) -> float:
            """A tenth more in each tenth of the time."""
            return min(1.0, (1 + int(10 * passed / whole)) / 10)
