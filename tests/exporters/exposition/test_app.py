from __future__ import annotations

import asyncio
import logging
import threading

import httpx

from exporters.catalog.foreign import PROCESS_START
from exporters.catalog.requests import FALLBACKS
from exporters.exposition import CONTENT_TYPE, Exposition, Registry, metrics_app
from exporters.exposition.text import header


class Watchful:
    """A source that notes the thread it is rendered on."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def collect_text(self) -> str:
        self.threads.append(threading.get_ident())
        return ""


class Broken:
    def collect_text(self) -> str:
        raise OSError("device lost")


def ask(app, method="GET") -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.request(method, "http://service/metrics")

    return asyncio.run(once())


def test_the_page_joins_its_sources_and_says_what_it_is():
    first, second = Registry(), Registry()
    first.counter(FALLBACKS).inc(1, "chat")
    second.counter(FALLBACKS).inc(2, "draft")

    response = ask(metrics_app(first, second))

    assert response.status_code == 200
    assert response.headers["content-type"] == CONTENT_TYPE
    assert 'llm_fallbacks_total{model="chat"} 1.0' in response.text
    assert 'llm_fallbacks_total{model="draft"} 2.0' in response.text


def test_the_process_start_time_stands_on_every_page_once():
    page = Exposition(Registry(), Registry()).render().decode()

    assert page.count("\nprocess_start_time_seconds ") == 1


def test_a_long_page_comes_in_pieces_that_add_up_to_it():
    registry = Registry(max_children=3000)
    for number in range(3000):
        registry.counter(FALLBACKS).inc(number, f"model-{number}")
    page = Exposition(registry)

    pieces, kind = page.pieces(None)

    assert (b"".join(pieces), kind) == page.answer(None)
    assert 2 <= len(pieces) <= 4
    assert ask(metrics_app(registry)).content == page.render()


def test_a_source_that_tells_the_start_time_itself_is_believed():
    class Told:
        def collect_text(self) -> str:
            return f"{header(PROCESS_START)}{PROCESS_START.name} 12.5\n"

    own = Registry()
    own.gauge(PROCESS_START).set(12.5)

    for source in (Told(), own):
        page = Exposition(Registry(), source).render().decode()
        assert [line for line in page.splitlines() if line.startswith("process_start")] == [
            "process_start_time_seconds 12.5"
        ]


def test_rendering_happens_off_the_event_loops_thread():
    source = Watchful()

    ask(metrics_app(source))

    assert source.threads != [threading.get_ident()]
    assert len(source.threads) == 1


def test_the_event_loop_goes_on_while_a_page_is_rendered():
    loop_went_on = threading.Event()

    class WaitsForTheLoop:
        def collect_text(self) -> str:
            return "# went on\n" if loop_went_on.wait(30) else "# stood still\n"

    async def scrape_while_serving() -> str:
        transport = httpx.ASGITransport(metrics_app(WaitsForTheLoop()))
        async with httpx.AsyncClient(transport=transport) as client:
            scrape = asyncio.create_task(client.get("http://service/metrics"))
            await asyncio.sleep(0.05)
            loop_went_on.set()
            return (await scrape).text

    assert "# went on" in asyncio.run(scrape_while_serving())


def test_a_source_that_fails_makes_the_scrape_fail(caplog):
    with caplog.at_level(logging.ERROR):
        response = ask(metrics_app(Broken()))

    assert response.status_code == 500
    assert response.text == "metrics could not be rendered; see the log\n"
    assert "device lost" in caplog.text


def test_head_has_no_body_and_post_is_refused():
    app = metrics_app(Registry())

    assert ask(app, "HEAD").content == b""
    assert ask(app, "POST").status_code == 405
