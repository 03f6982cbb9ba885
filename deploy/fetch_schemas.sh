#!/usr/bin/env bash
# Fetches, once, the schemas that deploy/ is held against, and prints their folder: the custom
# resources of prometheus-operator and KEDA, and the compose file's.
#   fetch_schemas.sh
# They come from the projects' own Go modules: needs Go and the Go module proxy. Only tests use it.
set -euo pipefail

OPERATOR=github.com/prometheus-operator/prometheus-operator@v0.85.0
KEDA=github.com/kedacore/keda/v2@v2.18.1
COMPOSE=github.com/compose-spec/compose-go/v2@v2.9.0

say() { printf 'schemas: %s\n' "$*" >&2; }

if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
folder=$cache/schemas-${OPERATOR##*@}-${KEDA##*@}-${COMPOSE##*@}

if [[ -d $folder ]]; then echo "$folder"; exit; fi
if ! command -v go >/dev/null; then
    say "fetching them needs Go, and there is none on PATH; install golang-go"
    exit 3
fi

umask 022
mkdir -p "$cache"
work=$(mktemp -d "$cache/schemas-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOMODCACHE=$work/modules GOFLAGS=-mod=mod
cd "$work" # outside any module of ours
for module in "$OPERATOR" "$KEDA" "$COMPOSE"; do
    say "fetching $module"
    if ! go mod download "$module" >&2; then
        say "$module could not be fetched"
        exit 3
    fi
done
install -d made
install -m 644 -t made \
    "$GOMODCACHE/$OPERATOR"/example/prometheus-operator-crd/monitoring.coreos.com_{prometheusrules,servicemonitors,podmonitors}.yaml \
    "$GOMODCACHE/$KEDA"/config/crd/bases/keda.sh_scaledobjects.yaml \
    "$GOMODCACHE/$COMPOSE"/schema/compose-spec.json
mv -T made "$folder" 2>/dev/null || [[ -d $folder ]] # another run may have been faster
echo "$folder"
