#!/usr/bin/env bash
# Installs what this machine lacks to run and test BusySignal: Debian's packages, Elasticsearch,
# the virtual environment. Quick where everything is there; safe to run again after a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

UV=0.13.9

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }
have() { command -v "$1" >/dev/null 2>&1; }

suitable() { # whether $1 is a Python of the right age that can make a virtual environment
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3.11}" python3 python3.12 python3.13; do
        if suitable "$candidate"; then command -v "$candidate" && return; fi
    done
    return 1
}

missing_packages() {
    have prometheus && have promtool || echo prometheus
    have prometheus-alertmanager && have amtool || echo prometheus-alertmanager
    have prometheus-node-exporter || echo prometheus-node-exporter
    have gcc || echo gcc libc6-dev
    have openssl || echo openssl
    have java || echo openjdk-17-jre-headless
    have mvn || [[ -n $(deploy/fetch_elasticsearch.sh --where) ]] || echo maven
    [[ -x .venv/bin/python ]] || find_python >/dev/null || echo python3 python3-venv
}

as_root() {
    if [[ $EUID == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
    have apt-get || fail "no apt-get here; install by hand and run again: $*"
    as_root true 2>/dev/null || fail "root or passwordless sudo is needed once to install: $*"
    say "installing $*"
    # RUNLEVEL=1 keeps init scripts from starting the servers: BusySignal starts its own
    local quiet=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o Dpkg::Use-Pty=0)
    as_root "${quiet[@]}" update
    as_root "${quiet[@]}" install -y --no-install-recommends "$@" >/dev/null
    stop_services "$@"
}

stop_services() { # only those that were installed just now; under systemd they start by themselves
    [[ -d /run/systemd/system ]] || return 0
    local package
    for package in "$@"; do
        [[ $package == prometheus* ]] || continue
        as_root systemctl disable --quiet --now "$package.service" || true
    done
}

fingerprint() { # of all that the virtual environment is made from, and of where it stands
    { cat requirements.txt pyproject.toml; pwd; echo "$UV"; } | sha256sum
}

make_venv() {
    local python
    if ! .venv/bin/python -c '' 2>/dev/null; then
        python=$(find_python) || fail "no Python >= 3.11 with venv; install one, or set PYTHON to it"
        say "making .venv with $python"
        rm -rf .venv
        "$python" -m venv .venv
    fi
    say "installing the pinned requirements"
    .venv/bin/python -m pip install -q --disable-pip-version-check "uv==$UV"
    local uv=(env VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv pip)
    "${uv[@]}" sync -q --require-hashes requirements.txt
    "${uv[@]}" install -q --no-deps --no-build-isolation -e .
    fingerprint >.venv/made-from
}

mapfile -t packages < <(missing_packages | tr ' ' '\n')
if ((${#packages[@]})); then install_packages "${packages[@]}"; fi
deploy/fetch_elasticsearch.sh >/dev/null
if [[ $(cat .venv/made-from 2>/dev/null) != "$(fingerprint)" ]]; then make_venv; fi
