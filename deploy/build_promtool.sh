#!/usr/bin/env bash
# Builds promtool of one version, or pint, once, and prints where it is.
#   build_promtool.sh [--where] 2.53.4|3.16.0|pint     --where: only tell where it is, or nothing
# Needs Go 1.25 or later (pint: 1.26) and the Go module proxy; takes minutes of CPU. Only tests use it.
set -euo pipefail

PINT=v0.80.0

say() { printf 'promtool: %s\n' "$*" >&2; }

where=
if [[ ${1:-} == --where ]]; then
    where=yes
    shift
fi
wanted=${1:-}
case $wanted in
2.*) module=v0.${wanted#2.} ;;
3.*) module=v0.3${wanted#3.} ;;
pint) module=$PINT ;;
*)
    say "wanted: a version such as 2.53.4 or 3.16.0, or pint; got '$wanted'"
    exit 2
    ;;
esac

if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
name=promtool-$wanted
if [[ $wanted == pint ]]; then name=pint-$PINT; fi
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

# A module of our own that asks for promtool: its own module's replacements need not be followed.
# remove_all_sd leaves out the clouds' service discoveries, which checking rules never asks.
build_promtool() {
    cd "$work"
    go mod init busysignal.invalid/promtool
    GOFLAGS="$GOFLAGS -tags=remove_all_sd" go get "github.com/prometheus/prometheus/cmd/promtool@$module"
    nice -n 19 go build -mod=mod -tags remove_all_sd \
        -ldflags "-s -w -X github.com/prometheus/common/version.Version=$wanted" \
        -o made github.com/prometheus/prometheus/cmd/promtool
}

# pint's list of versions is not to be had, which `go install` would ask for: it is built in a
# writable copy of its module.
build_pint() {
    local source
    cd "$work"
    source=$(go mod download -json "github.com/cloudflare/pint@$module" \
        | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
    cp -r "$source" source
    chmod -R u+w source
    cd source
    nice -n 19 go build -trimpath -ldflags "-s -w -X main.version=${PINT#v}" -o "$work/made" ./cmd/pint
}

say "building $name (minutes)"
recipe=build_promtool
if [[ $wanted == pint ]]; then recipe=build_pint; fi
if ! (set -e; "$recipe") >"$work/log" 2>&1; then
    say "the build failed: $(grep -v '^go: downloading' "$work/log" | tail -n1)"
    exit 3
fi
mv "$work/made" "$binary"
chmod a+rx "$binary"
echo "$binary"
