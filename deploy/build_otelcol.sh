#!/usr/bin/env bash
# Builds an OpenTelemetry Collector with the Elasticsearch exporter, once, and prints where it is.
#   build_otelcol.sh [--where]     --where: only tell where it is, or nothing
# Needs Go 1.25 or later and the Go module proxy; takes minutes of CPU. Only tests use it.
set -euo pipefail

VERSION=v0.157.0
CORE=go.opentelemetry.io/collector
CONTRIB=github.com/open-telemetry/opentelemetry-collector-contrib

say() { printf 'otelcol: %s\n' "$*" >&2; }

if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
binary=$cache/otelcol-$VERSION

if [[ -x $binary ]]; then echo "$binary"; exit; fi
if [[ ${1:-} == --where ]]; then exit; fi
if ! command -v go >/dev/null; then
    say "building it needs Go 1.25 or later, and there is none on PATH; install golang-go"
    exit 3
fi

umask 022
mkdir -p "$cache"
exec 9>"$cache/otelcol.lock"
flock 9 # another run may be building it
if [[ -x $binary ]]; then echo "$binary"; exit; fi

work=$(mktemp -d "$cache/otelcol-XXXXXX")
trap 'rm -rf "$work"' EXIT
export GOBIN=$work/bin GOFLAGS=-buildvcs=false CGO_ENABLED=0

# The exporter's serializer of profiles names a few symbols of a module that the proxy does not
# have; spans and logs never come near it, so a module of the same shape stands in.
stand_in() {
    local root=$work/ebpf-profiler/libpf
    mkdir -p "$root/basehash" "$root/xsync"
    printf 'module go.opentelemetry.io/ebpf-profiler\n\ngo 1.25\n' >"$work/ebpf-profiler/go.mod"
    cat >"$root/libpf.go" <<'GO'
package libpf

import "errors"

type (
	AddressOrLineno uint64
	FileID          struct{ hi, lo uint64 }
	FrameType       int
)

var errAbsent = errors.New("profiles are not built in")

func FileIDFromBytes([]byte) (FileID, error)  { return FileID{}, errAbsent }
func FileIDFromString(string) (FileID, error) { return FileID{}, errAbsent }
func FrameTypeFromString(string) FrameType    { return 0 }
func NewFileID(hi, lo uint64) FileID          { return FileID{hi, lo} }
func (FileID) Base64() string                 { return "" }
func (FileID) Bytes() []byte                  { return nil }
func (id FileID) IsZero() bool                { return id == FileID{} }
func (FrameType) IsError() bool               { return false }
GO
    cat >"$root/basehash/hash128.go" <<'GO'
package basehash

import "errors"

type Hash128 struct{ hi, lo uint64 }

func New128(hi, lo uint64) Hash128 { return Hash128{hi, lo} }
func New128FromBytes([]byte) (Hash128, error) {
	return Hash128{}, errors.New("profiles are not built in")
}
func (Hash128) Base64() string { return "" }
func (Hash128) Bytes() []byte  { return nil }
GO
    cat >"$root/xsync/rwmutex.go" <<'GO'
package xsync

import "sync"

type RWMutex[T any] struct {
	lock  sync.RWMutex
	value T
}

func NewRWMutex[T any](value T) RWMutex[T] { return RWMutex[T]{value: value} }
func (m *RWMutex[T]) RLock() *T            { m.lock.RLock(); return &m.value }
func (m *RWMutex[T]) RUnlock(value **T)    { *value = nil; m.lock.RUnlock() }
func (m *RWMutex[T]) WLock() *T            { m.lock.Lock(); return &m.value }
func (m *RWMutex[T]) WUnlock(value **T)    { *value = nil; m.lock.Unlock() }
GO
}

manifest() {
    cat <<YAML
dist: {name: otelcol, output_path: $work/source, version: ${VERSION#v}}
receivers: [{gomod: $CORE/receiver/otlpreceiver $VERSION}]
exporters: [{gomod: $CONTRIB/exporter/elasticsearchexporter $VERSION}]
replaces: ["go.opentelemetry.io/ebpf-profiler => $work/ebpf-profiler"]
YAML
}

build() {
    stand_in
    manifest >"$work/manifest.yaml"
    nice -n 19 go install "$CORE/cmd/builder@$VERSION"
    nice -n 19 "$GOBIN/builder" --config "$work/manifest.yaml"
}

say "building $VERSION (minutes)"
if ! build >"$work/log" 2>&1; then
    say "the build failed: $(grep -v '^go: downloading' "$work/log" | tail -n1)"
    exit 3
fi
mv "$work/source/otelcol" "$binary"
chmod a+rx "$binary"
echo "$binary"
