#!/usr/bin/env bash
# Builds amtool of one version, once, and prints where it is.
#   build_amtool.sh [--where] 0.28.1|0.33.1     --where: only tell where it is, or nothing
# Needs Go 1.25 or later and the Go module proxy; takes minutes of CPU. Only tests use it.
set -euo pipefail

say() { printf 'amtool: %s\n' "$*" >&2; }

where=
if [[ ${1:-} == --where ]]; then
    where=yes
    shift
fi
wanted=${1:-}
if [[ ! $wanted =~ ^0\.[0-9]+\.[0-9]+$ ]]; then
    say "wanted: a version such as 0.28.1 or 0.33.1; got '$wanted'"
    exit 2
fi

if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
binary=$cache/amtool-$wanted

if [[ -x $binary ]]; then echo "$binary"; exit; fi
if [[ $where ]]; then exit; fi
if ! command -v go >/dev/null; then
    say "building it needs Go 1.25 or later, and there is none on PATH; install golang-go"
    exit 3
fi

umask 022
mkdir -p "$cache"
exec 9>"$cache/amtool-$wanted.lock"
flock 9 # another run may be building it
if [[ -x $binary ]]; then echo "$binary"; exit; fi

work=$(mktemp -d "$cache/amtool-$wanted-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOFLAGS=-buildvcs=false CGO_ENABLED=0

# A module of our own that asks for amtool: its own module's replacements need not be followed.
build() {
    cd "$work"
    go mod init busysignal.invalid/amtool
    go get "github.com/prometheus/alertmanager/cmd/amtool@v$wanted"
    nice -n 19 go build -ldflags "-s -w -X github.com/prometheus/common/version.Version=$wanted" \
        -o made github.com/prometheus/alertmanager/cmd/amtool
}

say "building $wanted (minutes)"
if ! (set -e; build) >"$work/log" 2>&1; then
    say "the build failed: $(grep -v '^go: downloading' "$work/log" | tail -n1)"
    exit 3
fi
mv "$work/made" "$binary"
chmod a+rx "$binary"
echo "$binary"
