from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from exporters.errors import UsageError
from exporters.exposition import Registry, serve

EXPORTER = """
from exporters.catalog.requests import FALLBACKS
from exporters.exposition import Registry, serve
registry = Registry()
registry.counter(FALLBACKS).inc(1, "chat")
serve([registry], "127.0.0.1", 0, ready=lambda: READY, announce=lambda url: print(url, flush=True))
print("cleaned up", flush=True)
"""


def exporter(*, ready: bool = True) -> subprocess.Popen[str]:
    code = EXPORTER.replace("READY", str(ready))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_an_exporter_answers_its_paths_and_stops_cleanly():
    with exporter() as process:
        url = process.stdout.readline().strip()
        got = {
            path: httpx.get(url + path)
            for path in ("/metrics", "/-/healthy", "/-/ready", "/", "/x")
        }
        asked = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        openmetrics = httpx.get(f"{url}/metrics", headers=asked)
        process.send_signal(signal.SIGTERM)
        last_words = process.stdout.read()

    assert 'llm_fallbacks_total{model="chat"} 1.0' in got["/metrics"].text
    assert [response.status_code for response in got.values()] == [200, 200, 200, 200, 404]
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    links = re.findall('href="([^"]+)"', got["/"].text)
    assert links == ["/metrics", "/-/healthy", "/-/ready"]
    assert last_words == "cleaned up\n"
    assert process.returncode == 0


def test_an_exporter_that_is_not_ready_says_so_and_stops_on_ctrl_c():
    with exporter(ready=False) as process:
        url = process.stdout.readline().strip()
        ready = httpx.get(f"{url}/-/ready")
        process.send_signal(signal.SIGINT)
        process.stdout.read()

    assert (ready.status_code, ready.text) == (503, "not yet\n")
    assert process.returncode == 0


def test_a_port_already_taken_is_told_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            serve([Registry()], "127.0.0.1", port)

    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another port in the config, or stop the process that holds it"
    )


def test_a_stop_that_comes_before_the_server_is_up_is_not_lost():
    code = (
        "import signal\n"
        "from exporters.exposition import serve\n"
        "serve([], '127.0.0.1', 0, announce=lambda url: signal.raise_signal(signal.SIGTERM))\n"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
