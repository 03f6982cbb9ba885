"""Elasticsearch from the official minimal server zip, as an unprivileged user where we are root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

import httpx

from demo.servers.java import OLDEST, find_java, has_vectors
from demo.servers.process import Command
from demo.servers.run_folder import HOST, RunFolder
from demo.servers.server import Server
from exporters.errors import ServerMissingError

VERSION = "8.19.16"
NEXT_VERSION = "9.5.0"
USER = "busysignal-es"
ROOTS_CACHE = Path("/var/cache/busysignal")

# One collector thread: two cores are shared with everything else that runs here.
JVM = "-Xms{low}\n-Xmx{high}\n-XX:+UseSerialGC\n-XX:+PerfDisableSharedMem\n"
SETTINGS = """\
cluster.name: busysignal
node.name: busysignal
discovery.type: single-node
network.host: {host}
http.port: {port}
transport.port: {transport}
path.data: {work}/data
path.logs: {work}/logs
bootstrap.memory_lock: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
xpack.security.enabled: false
"""


class Elasticsearch(Server):
    """An Elasticsearch of one node, without security, for this machine alone."""

    name: ClassVar[str] = "elasticsearch"
    health: ClassVar[str] = "/_cluster/health?wait_for_status=yellow&timeout=1s"
    patience: ClassVar[float] = 120.0

    def forget_everything(self) -> None:
        """Delete every index but the hidden ones; index templates stay."""
        self.ours()
        answer = httpx.delete(f"{self.url}/*", timeout=60, trust_env=False)
        answer.raise_for_status()


def cache() -> Path:
    """Where set-up unpacks servers: readable by any user, so never below root's home."""
    if os.geteuid() == 0:
        return ROOTS_CACHE
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "busysignal"


def find_home(version: str = VERSION) -> Path:
    """The unpacked server: $ES_HOME for the usual version, or the one that set-up fetched.

    Raises ServerMissingError naming what to run.
    """
    named = os.environ.get("ES_HOME") if version == VERSION else None
    candidates = [Path(named)] if named else [c / f"elasticsearch-{version}" for c in _caches()]
    for home in candidates:
        if (home / "bin" / "elasticsearch").is_file():
            return home
    tried = " and ".join(str(home) for home in candidates)
    raise ServerMissingError(
        f"Elasticsearch is not in {tried}; run {_fetch(version)}, "
        "or set ES_HOME to an unpacked server, or give the url of a running one"
    )


def _fetch(version: str) -> str:
    return "deploy/fetch_elasticsearch.sh" + ("" if version == VERSION else f" {version}")


def java_for(version: str) -> Path:
    """The Java home for a version of Elasticsearch. Raises ServerMissingError if there is none."""
    return find_java(OLDEST if version.startswith("8.") else 21)


def start_elasticsearch(
    run: RunFolder,
    *,
    version: str = VERSION,
    url: str | None = None,
    port: int = 0,
    heap: tuple[str, str] = ("512m", "1g"),
    wait: bool = True,
) -> Elasticsearch:
    """Start Elasticsearch on `port` (0: any free one), or take the operator's at `url`.

    `version` is one that deploy/fetch_elasticsearch.sh fetches; 9 needs Java 21 or later.
    `heap` is the least and the most of its Java heap. Its log is in the run folder; as root its
    data is in a folder below /var/tmp that only its user may enter, gone after the stop.

    Raises ServerMissingError when it or Java is not installed, the port is taken, or it does not
    start.
    """
    if url:
        return Elasticsearch.at(url)
    home, java = find_home(version), java_for(version)
    port = run.port(Elasticsearch.name, port)
    user = _unprivileged_user() if os.geteuid() == 0 else None
    if user:
        _check_open_to_all(home, java)
    work = _work_folder(run, user)
    _write_config(home, work, (port, run.free_port()), _jvm_options(home, java, heap))
    if user:
        _give(work, user)
    command = Command(
        name=Elasticsearch.name,
        argv=["bash", str(home / "bin" / "elasticsearch")],
        log=run.log(Elasticsearch.name),
        env=_environment(work, java),
        folder=work,
        user=user,
        scratch=work if user else None,
    )
    server = Elasticsearch(f"http://{HOST}:{port}", command)
    return server.wait_ready() if wait else server


def _caches() -> list[Path]:
    return list(dict.fromkeys([cache(), ROOTS_CACHE]))


def _unprivileged_user() -> str:
    """Elasticsearch refuses to run as root; make the user it runs as, once a machine."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _make_user()
    return USER


def _make_user() -> None:
    made = subprocess.run(
        [
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell=/usr/sbin/nologin",
            USER,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode not in {0, 9}:  # 9: another run made it in this moment
        raise ServerMissingError(
            f"Elasticsearch cannot run as root and user {USER} cannot be made: "
            f"{made.stderr.strip()}; make it with useradd, or run as another user"
        )


def _check_open_to_all(*paths: Path) -> None:
    for path in paths:
        closed = [p for p in (path, *path.parents) if not p.stat().st_mode & stat.S_IXOTH]
        if closed:
            raise ServerMissingError(
                f"{path} cannot be read by user {USER}, as which Elasticsearch runs for root: "
                f"{closed[-1]} is closed to others; put it where any user may enter"
            )


def _work_folder(run: RunFolder, user: str | None) -> Path:
    if user is None:
        return run.folder("elasticsearch")
    return Path(tempfile.mkdtemp(prefix="busysignal-es-", dir="/var/tmp"))


def _write_config(home: Path, work: Path, ports: tuple[int, int], jvm: str) -> None:
    config = work / "config"
    shutil.copytree(home / "config", config, dirs_exist_ok=True)
    for name in ("data", "logs", "tmp"):
        (work / name).mkdir(exist_ok=True)
    port, transport = ports
    (config / "elasticsearch.yml").write_text(
        SETTINGS.format(host=HOST, port=port, transport=transport, work=work), encoding="utf-8"
    )
    (config / "jvm.options").write_text(jvm, encoding="utf-8")


def _jvm_options(home: Path, java: Path, heap: tuple[str, str]) -> str:
    ours = ["-XX:+UseG1GC", "-Xlog:gc"]  # two collectors clash; its gc log would fill the disk
    if not has_vectors(java):
        ours.append("20-:--add-modules=jdk.incubator.vector")
    options = (home / "config" / "jvm.options").read_text(encoding="utf-8")
    kept = [line for line in options.splitlines(keepends=True) if not line.startswith(tuple(ours))]
    return "".join(kept) + JVM.format(low=heap[0], high=heap[1])


def _give(folder: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)


def _environment(work: Path, java: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(work),
        "ES_PATH_CONF": str(work / "config"),
        "ES_TMPDIR": str(work / "tmp"),
        "ES_JAVA_HOME": str(java),
        "CLI_JAVA_OPTS": "-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }
