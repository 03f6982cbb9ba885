"""TLS, client certificates and passwords on an exporter that really serves."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import httpx
import pytest
import trustme
import yaml

from exporters.errors import UsageError
from exporters.exposition import serve
from exporters.exposition.gate import GuardedGate
from tests.servers import StartPrometheus

EXPORTER = """
import sys
from pathlib import Path
from exporters.exposition import Registry, serve
serve([Registry()], "127.0.0.1", 0, web_config=Path(sys.argv[1]),
      announce=lambda url: print(url, flush=True))
"""


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_files(authority: trustme.CA, tmp_path: Path) -> Path:
    """A folder with server.pem, server.key and ca.pem."""
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "server.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


TLS = {"cert_file": "server.pem", "key_file": "server.key"}
MUTUAL = {"client_ca_file": "ca.pem", "client_auth_type": "RequireAndVerifyClientCert"}


def written(folder: Path, **sections: object) -> Path:
    path = folder / "web.yml"
    fresh = folder / "web.new"
    fresh.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return fresh.replace(path)


@contextmanager
def exporter(config: Path) -> Iterator[str]:
    command = [sys.executable, "-c", EXPORTER, str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


def test_with_a_certificate_it_answers_over_tls_alone(server_files: Path):
    headers = {"headers": {"X-Frame-Options": "deny"}}
    config = written(server_files, tls_server_config=TLS, http_server_config=headers)
    with exporter(config) as url, httpx.Client(verify=trusting(server_files)) as client:
        pages = [client.get(f"{url}{path}") for path in ("/metrics", "/-/healthy")]
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/metrics")
        still = client.get(f"{url}/-/ready").status_code

    assert url.startswith("https://")
    assert [(page.status_code, page.headers["x-frame-options"]) for page in pages] == [
        (200, "deny"),
        (200, "deny"),
    ]
    assert still == 200


def test_an_old_tls_version_is_refused(server_files: Path):
    config = written(server_files, tls_server_config={**TLS, "min_version": "TLS13"})
    old = trusting(server_files)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with exporter(config) as url, pytest.raises(httpx.TransportError):
        httpx.get(url, verify=old)


def test_a_client_without_the_right_certificate_stays_outside(
    authority: trustme.CA, server_files: Path
):
    config = written(server_files, tls_server_config={**TLS, **MUTUAL})
    known, stranger = trusting(server_files), trusting(server_files)
    authority.issue_cert("prometheus@example.org").configure_cert(known)
    trustme.CA().issue_cert("prometheus@example.org").configure_cert(stranger)
    with exporter(config) as url:
        admitted = httpx.get(f"{url}/metrics", verify=known).status_code
        for outsider in (stranger, trusting(server_files)):
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{url}/metrics", verify=outsider)

    assert admitted == 200


def test_passwords_open_every_page_and_nothing_else_does(tmp_path: Path):
    config = written(tmp_path, basic_auth_users={"ann": hashed("secret"), "böb": hashed("ü")})
    with exporter(config) as url, httpx.Client(base_url=url) as client:
        right = [client.get(path, auth=("ann", "secret")).status_code for path in ("/", "/metrics")]
        other = client.get("/metrics", auth=("böb", "ü")).status_code
        wrong = [
            client.get("/metrics", auth=auth)
            for auth in (("ann", "Secret"), ("eve", "secret"), ("ann", ""), None)
        ]
        odd = [
            client.get("/metrics", headers={"Authorization": value}).status_code
            for value in ("Basic", "Basic !!", "Bearer YW5uOnNlY3JldA==", "Basic YW5u")
        ]

    assert (right, other) == ([200, 200], 200)
    assert {(one.status_code, one.headers["www-authenticate"]) for one in wrong} == {(401, "Basic")}
    assert odd == [401] * 4


def test_a_removed_user_and_a_renewed_certificate_count_at_once(
    authority: trustme.CA, server_files: Path
):
    config = written(
        server_files, tls_server_config=TLS, basic_auth_users={"ann": hashed("secret")}
    )
    with exporter(config) as url:

        def ask(context: ssl.SSLContext) -> int:
            return httpx.get(f"{url}/metrics", verify=context, auth=("ann", "secret")).status_code

        before = ask(trusting(server_files))
        another = trustme.CA()
        fresh = another.issue_cert("127.0.0.1")
        fresh.private_key_pem.write_to_path(server_files / "server.key")
        fresh.cert_chain_pems[0].write_to_path(server_files / "server.pem")
        another.cert_pem.write_to_path(server_files / "ca.pem")
        renewed = ask(trusting(server_files))
        written(server_files, tls_server_config=TLS, basic_auth_users={"eve": hashed("secret")})
        removed = ask(trusting(server_files))

    assert (before, renewed, removed) == (200, 200, 401)


def test_a_config_that_breaks_while_it_runs_lets_nobody_in_until_it_is_mended(tmp_path: Path):
    users = {"ann": hashed("secret")}
    with exporter(written(tmp_path, basic_auth_users=users)) as url:
        written(tmp_path, basic_auth_users={"ann": "plain"})
        broken = [httpx.get(f"{url}/metrics", auth=("ann", "plain")) for _ in range(2)]
        written(tmp_path, basic_auth_users=users)
        mended = httpx.get(f"{url}/metrics", auth=("ann", "secret")).status_code

    assert [(page.status_code, page.text) for page in broken] == [
        (500, "the web config cannot be used; see the log\n")
    ] * 2
    assert mended == 200


def test_a_right_password_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gate = GuardedGate(written(tmp_path, basic_auth_users={"ann": hashed("secret")}))
    checked: list[bytes] = []
    check = bcrypt.checkpw

    def count(password: bytes, hashed_password: bytes) -> bool:
        checked.append(password)
        return check(password, hashed_password)

    monkeypatch.setattr(bcrypt, "checkpw", count)
    right, wrong = "Basic YW5uOnNlY3JldA==", "Basic YW5uOndyb25n"

    said = [gate.admits(header) for header in (right, right, wrong, wrong, right)]

    assert said == [True, True, False, False, True]
    assert checked == [b"secret", b"wrong", b"wrong"]


def test_files_that_do_not_belong_together_are_told_in_one_line(server_files: Path):
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(server_files / "server.key")
    config = written(server_files, tls_server_config=TLS)
    with pytest.raises(UsageError) as caught:
        serve([], "127.0.0.1", 0, web_config=config)

    assert str(caught.value) == (
        f"web config {config}: TLS cannot be set up from server.pem, server.key "
        "(KEY_VALUES_MISMATCH); name a PEM certificate and the key that belongs to it"
    )


@pytest.mark.servers
def test_prometheus_scrapes_over_tls_with_a_password(
    server_files: Path, tmp_path: Path, start_prometheus: StartPrometheus
):
    config = written(
        server_files, tls_server_config=TLS, basic_auth_users={"prometheus": hashed("secret")}
    )
    with exporter(config) as url:
        jobs = {"right": "secret", "wrong": "Secret"}
        prometheus = start_prometheus(scraping(tmp_path, url, jobs))
        up = eventually(lambda: values(prometheus.url, "up"), lambda found: len(found) == 2)

    assert up == {"right": 1.0, "wrong": 0.0}


def scraping(folder: Path, url: str, jobs: dict[str, str]) -> Path:
    document = {
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
        "scrape_configs": [
            {
                "job_name": name,
                "scheme": "https",
                "tls_config": {"ca_file": str(folder / "ca.pem")},
                "basic_auth": {"username": "prometheus", "password": password},
                "static_configs": [{"targets": [url.removeprefix("https://")]}],
            }
            for name, password in jobs.items()
        ],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    os.chmod(path, 0o600)  # noqa: PTH101  it holds a password
    return path


def values(prometheus: str, query: str) -> dict[str, float]:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, trust_env=False)
    return {
        series["metric"]["job"]: float(series["value"][1])
        for series in answer.json()["data"]["result"]
    }


def eventually(
    ask: Callable[[], dict[str, float]], enough: Callable[[dict[str, float]], bool]
) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while not enough(found := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
