from __future__ import annotations

from pathlib import Path

import pytest

from exporters.errors import UsageError
from exporters.exposition.web_config import Tls, WebConfig, load

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

WHOLE = f"""
tls_server_config:
  cert_file: server.pem
  key_file: /keys/server.key
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
  min_version: TLS13
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
    Content-Security-Policy: ""
basic_auth_users:
  prometheus: {HASH}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_config_is_read_with_paths_beside_it(tmp_path: Path):
    assert load(written(tmp_path, WHOLE)) == WebConfig(
        tls=Tls(
            cert_file=tmp_path / "server.pem",
            key_file=Path("/keys/server.key"),
            client_ca_file=tmp_path / "ca.pem",
            client_auth_type="RequireAndVerifyClientCert",
            min_version="TLS13",
        ),
        users={"prometheus": HASH},
        headers={"X-Frame-Options": "deny"},
    )


@pytest.mark.parametrize("text", ["", "tls_server_config:\nbasic_auth_users:\n", "{}"])
def test_an_empty_config_asks_for_nothing(tmp_path: Path, text: str):
    assert load(written(tmp_path, text)) == WebConfig()


PAIR = "tls_server_config:\n  cert_file: a\n  key_file: b\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "tls_config: {}",
            "the file has the unknown key tls_config; did you mean tls_server_config?",
        ),
        (
            PAIR + "  cert_fil: c\n",
            "tls_server_config has the unknown key cert_fil; did you mean cert_file?",
        ),
        (
            "zzz: 1",
            (
                "the file has the unknown key zzz; "
                "allowed: tls_server_config, http_server_config, basic_auth_users"
            ),
        ),
        (
            "rate_limit: {burst: 1}",
            "the file has rate_limit, which is not supported here; leave it out",
        ),
        (
            PAIR + "  cipher_suites: [A]\n",
            "tls_server_config has cipher_suites, which is not supported here; leave it out",
        ),
        ("[1]", "the file must be a mapping of keys to values, not [1]"),
        ("tls_server_config: {cert_file: a}", "tls_server_config lacks key_file; name a PEM file"),
        (
            "tls_server_config: {cert_file: 1, key_file: b}",
            "cert_file = 1 must be a text; write it in quotes",
        ),
        (
            PAIR + "  client_ca_file: ca\n",
            (
                "tls_server_config needs client_ca_file and client_auth_type together "
                "(VerifyClientCertIfGiven or RequireAndVerifyClientCert), or neither of them"
            ),
        ),
        (
            PAIR + "  client_auth_type: RequestClientCert\n",
            (
                "tls_server_config.client_auth_type = 'RequestClientCert' is not supported; "
                "allowed: NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
            ),
        ),
        (
            PAIR + "  min_version: TLS10\n",
            "tls_server_config.min_version = 'TLS10' is not supported; allowed: TLS12, TLS13",
        ),
        (
            PAIR + "  min_version: TLS13\n  max_version: TLS12\n",
            "tls_server_config.min_version is above max_version; swap them",
        ),
        (
            "basic_auth_users: {ann: hunter2}",
            "basic_auth_users.ann is no bcrypt hash; make one with `htpasswd -nBC 10 ann`",
        ),
        ("basic_auth_users: [ann]", "basic_auth_users must be a mapping of names to bcrypt hashes"),
        (
            'http_server_config: {headers: {X-Frame-Options: "a\\nb"}}',
            "http_server_config.headers.X-Frame-Options must be one line of plain text",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, said: str):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(path)

    assert str(caught.value) == f"web config {path}: {said}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "absent.yml")

    assert str(caught.value) == (
        f"web config {tmp_path}/absent.yml cannot be read: No such file or directory; "
        "name a file this user may read"
    )


def test_what_is_no_yaml_is_told_in_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match="is not YAML") as caught:
        load(written(tmp_path, "a: [1\nb"))

    assert "\n" not in str(caught.value)
