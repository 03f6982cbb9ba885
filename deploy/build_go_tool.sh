#!/usr/bin/env bash
# Builds one version of a tool of Prometheus's world, once, and prints where it is.
#   build_go_tool.sh [--where] amtool-0.33.1|promtool-3.16.0|pint-v0.80.0
# --where: only tell where it is, or nothing. Versions of amtool and promtool are free to choose.
# Needs Go 1.25 or later (pint: 1.26) and the Go module proxy; takes minutes of CPU. Only tests use it.
set -euo pipefail

say() { printf '%s: %s\n' "${tool:-build_go_tool}" "$*" >&2; }

where=
if [[ ${1:-} == --where ]]; then
    where=yes
    shift
fi
name=${1:-}
case $name in
amtool-0.*.*) tool=amtool version=${name#amtool-} ;;
promtool-[23].*.*) tool=promtool version=${name#promtool-} ;;
pint-v*.*.*) tool=pint version=${name#pint-v} ;;
*)
    say "wanted: a tool and its version such as amtool-0.33.1, promtool-3.16.0 or pint-v0.80.0; got '$name'"
    exit 2
    ;;
esac

if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
binary=$cache/$name

if [[ -x $binary ]]; then echo "$binary"; exit; fi
if [[ $where ]]; then exit; fi
if ! command -v go >/dev/null; then
    say "building it needs Go 1.25 or later, and there is none on PATH; install golang-go"
    exit 3
fi

umask 022
mkdir -p "$cache"
exec 9>"$cache/$name.lock"
flock 9 # another run may be building it
if [[ -x $binary ]]; then echo "$binary"; exit; fi

work=$(mktemp -d "$cache/$name-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOFLAGS=-buildvcs=false CGO_ENABLED=0
stamp="-s -w -X github.com/prometheus/common/version.Version=$version"

# Steps are chained by hand: bash ignores `set -e` in what a condition asks for, and a version that
# the proxy did not give would be built as another.

# A module of our own asks for the tool: its own module's replacements need not be followed.
asked_for() {
    cd "$work" &&
    go mod init "busysignal.invalid/$tool" &&
    go get "$1@$2" &&
    nice -n 19 go build -mod=mod -ldflags "$stamp" -o made "$1"
}

amtool() { asked_for github.com/prometheus/alertmanager/cmd/amtool "v$version"; }

# Its module says v0.53.4 for 2.53.4 and v0.316.0 for 3.16.0; remove_all_sd leaves out the clouds'
# service discoveries, which checking rules never asks.
promtool() {
    local module=v0.${version#2.}
    if [[ $version == 3.* ]]; then module=v0.3${version#3.}; fi
    GOFLAGS="$GOFLAGS -tags=remove_all_sd" asked_for github.com/prometheus/prometheus/cmd/promtool "$module"
}

# Its list of versions is not to be had, which `go install` would ask for: it is built in a
# writable copy of its module.
pint() {
    local source
    cd "$work" &&
    source=$(go mod download -json "github.com/cloudflare/pint@v$version" \
        | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p') &&
    cp -r "$source" source &&
    chmod -R u+w source &&
    cd source &&
    nice -n 19 go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/made" ./cmd/pint
}

say "building $version (minutes)"
if ! ("$tool") >"$work/log" 2>&1; then
    say "the build failed: $(grep -v '^go: downloading' "$work/log" | tail -n1)"
    exit 3
fi
mv "$work/made" "$binary"
chmod a+rx "$binary"
echo "$binary"
