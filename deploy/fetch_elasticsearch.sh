#!/usr/bin/env bash
# Fetches the official minimal Elasticsearch server from Maven Central, once, and prints where it is.
#   fetch_elasticsearch.sh [--where] [VERSION]     --where: only tell where it is, or nothing
set -euo pipefail

VERSION=8.19.16
declare -A PINNED=(
    [8.19.16]=c3d95992e27741b33a8057118379cda8b17cfda9e46ff4ec25e3f5b94fc22b52
    [9.5.0]=db0e275fd790f723eca7bcde96069fd6fed304ad23afdb70c8c09553dd9e8b1b
)
where=
if [[ ${1:-} == --where ]]; then where=yes; shift; fi
version=${1:-$VERSION}
sha256=${PINNED[$version]:-}
artifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip

say() { printf 'elasticsearch: %s\n' "$*" >&2; }

if [[ -z $sha256 ]]; then
    say "no Elasticsearch $version is pinned here; ask for one of ${!PINNED[*]}"
    exit 2
fi

# Started by root it runs as another user, who may not enter root's home.
if [[ $EUID == 0 ]]; then
    cache=/var/cache/busysignal
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/busysignal
fi
home=$cache/elasticsearch-$version
if [[ $version == "$VERSION" ]]; then home=${ES_HOME:-$home}; fi

if [[ -f $home/bin/elasticsearch ]]; then echo "$home"; exit; fi
if [[ -n $where ]]; then exit; fi
if [[ $home == "${ES_HOME:-}" ]]; then
    say "ES_HOME = $ES_HOME holds no bin/elasticsearch; correct it, or unset it to fetch one"
    exit 3
fi

umask 022
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # another run may be fetching it
if [[ -f $home/bin/elasticsearch ]]; then echo "$home"; exit; fi

work=$(mktemp -d "$cache/fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch() {
    mvn -q -B dependency:copy "-Dartifact=$artifact" "-DoutputDirectory=$work" >"$work/log" 2>&1
}

intact() { echo "$sha256  $work/elasticsearch-$version.zip" | sha256sum --check --status; }

say "fetching $version (100 MB)"
if ! fetch && ! fetch; then
    say "Maven could not fetch $artifact twice: $(grep -m1 ERROR "$work/log" || tail -n1 "$work/log")"
    exit 3
fi
if ! intact; then
    say "what Maven fetched is not the $version that is pinned here by its SHA-256; fetch it again"
    exit 3
fi
python3 -m zipfile -e "$work/elasticsearch-$version.zip" "$work"
chmod -R a+rX "$work/elasticsearch-$version"
chmod a+x "$work/elasticsearch-$version"/bin/*
mv "$work/elasticsearch-$version" "$home"
echo "$home"
