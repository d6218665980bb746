#!/usr/bin/env bash
# What kafka_jars.sh and `cluster` make of what they are asked for. A stand-in for Maven, which is as strict as Maven in
# what matters here, takes the place of the network.
# shellcheck disable=SC2016,SC2086 # what other shells expand; versions, several in one word
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${KWIRE_TEST_DIR:-${TMPDIR:-/tmp}}/kafka-jars.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/bin"
cat > "$work/bin/mvn" << 'MVN'
#!/usr/bin/env bash
while [ "$1" != -f ]; do shift; done
echo run >> "$STAND_IN/runs"
if [ -e "$STAND_IN/broken" ]; then
    rm "$STAND_IN/broken"
    echo "[ERROR] the registry hiccuped"
    exit 1
fi
modules=$(sed -n 's:<module>\(.*\)</module>:\1:p' "$2")
twice=$(sort <<< "$modules" | uniq -d)
[ -z "$twice" ] || { echo "[ERROR] specifies duplicate child module $twice"; exit 1; }
for module in $modules; do
    if [ "$module" = 9.9.9 ]; then
        echo "[ERROR] could not find artifact kafka:9.9.9"
        echo "[ERROR] re-run Maven with -e"
        exit 1
    fi
    mkdir "$(dirname "$2")/$module/libs" # fails where another Maven has been
    touch "$(dirname "$2")/$module/libs/kafka.jar"
done
MVN
printf '#!/bin/sh\n' > "$work/bin/sleep" # between the attempts
chmod +x "$work"/bin/*
export STAND_IN=$work PATH=$work/bin:$PATH

fail() { echo "FAILED: $*" >&2; exit 1; }
# Every case begins with nothing fetched.
empty_cache() {
    rm -rf "$work/cache" "$work/runs"
    export KWIRE_CACHE=$work/cache
}
fetched() { # VERSION...
    local complete=("$KWIRE_CACHE"/kafka-*/*/complete)
    [ "$(printf '%s\n' "${complete[@]%/complete}" | sed 's:.*/::' | sort | xargs)" = "$(printf '%s\n' "$@" | sort | xargs)" ] ||
        fail "fetched ${complete[*]}, not $*"
}
runs() { # N
    [ "$(wc -l < "$work/runs")" = "$1" ] || fail "Maven ran $(wc -l < "$work/runs") times, not $1"
}
zookeeper=$(sed -n 's/^zookeeper_from=\([0-9.]*\).*/\1/p' "$here/cluster")

# However often a release is named, and whether or not it is the one that brings ZooKeeper: one Maven, each release once.
for asked in "$zookeeper" "$zookeeper $zookeeper" "1.1.1 $zookeeper 1.1.1" "1.1.1 1.1.1 1.1.1"; do
    empty_cache
    "$here/cluster" warm $asked || fail "cluster warm $asked"
    # shellcheck disable=SC2046
    fetched $(printf '%s\n' $asked "$zookeeper" | sort -u)
    runs 1
    "$here/cluster" warm $asked
    runs 1
done

# Without a name: all that the tests run on.
empty_cache
"$here/cluster" warm
runs 1
[ "$(find "$KWIRE_CACHE" -name complete | wc -l)" -ge 3 ] || fail "cluster warm fetched too little"

# Who sources the functions gets the folder, at once or after a fetch.
empty_cache
jars=$(bash -euo pipefail -c '. "$1"; kafka_jars_warm 2.8.2 2.8.2; kafka_jars 2.8.2' bash "$here/kafka_jars.sh")
[ -e "$jars/kafka.jar" ] || fail "kafka_jars printed $jars"
runs 1

# Many at once: nobody fetches what another one has fetched, and nobody goes on before it is there.
empty_cache
pids=()
for ((i = 0; i < 8; i++)); do "$here/cluster" warm 0.8.2.2 & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of several that fetch at once"; done
fetched 0.8.2.2 "$zookeeper"
runs 1

# A fetch that was broken off leaves nothing that the next one takes for whole.
empty_cache
mkdir -p "$(KWIRE_CACHE=$work/cache bash -c '. "$1"; kafka_jars_dir 1.1.1' bash "$here/kafka_jars.sh")/libs"
"$here/cluster" warm 1.1.1
fetched 1.1.1 "$zookeeper"
touch "$work/broken"
"$here/cluster" warm 2.8.2 || fail "no second attempt"
fetched 1.1.1 2.8.2 "$zookeeper"
if "$here/cluster" warm 9.9.9 2> "$work/error"; then fail "9.9.9 was fetched"; fi
grep -q 'could not find artifact kafka:9.9.9' "$work/error" || fail "why 9.9.9 was not fetched: $(cat "$work/error")"
grep -q 'Is there such a release' "$work/error" || fail "what to do about it: $(cat "$work/error")"
! grep -q 're-run Maven' "$work/error" || fail "Maven's advice on debugging Maven"
fetched 1.1.1 2.8.2 "$zookeeper"

# What is no release is refused in a sentence that names it, before anything is written, by whatever way it comes in.
refused() { # COMMAND...
    if "$@" > /dev/null 2> "$work/error" < /dev/null; then fail "accepted: $*"; fi
    grep -q 'is no release of Kafka: write' "$work/error" || fail "$*: $(cat "$work/error")"
    [ ! -e "$work/cache" ] || fail "$* wrote $(find "$work/cache")"
}
empty_cache
for strange in '' v3.9.1 3.9 3 3.9.x 3.9.1-rc0 03.9.1 3.9.1.2.3 ../3.9.1 '3.9.1 1.1.1' $'3.9.1\n' '*' --kraft; do
    refused "$here/cluster" warm 1.1.1 "$strange"
    refused "$here/cluster" start "$work/cluster" "$strange"
    refused "$here/cluster" run "$work/cluster" "$strange"
    refused "$here/cluster" tool "$strange" topics
    refused bash -euo pipefail -c '. "$1"; kafka_jars "$2"' bash "$here/kafka_jars.sh" "$strange"
    [ -z "$strange" ] || refused "$here/../../tools/demo.sh" --kafka "$strange"
    refused "$here/../../bench/compare.sh" --kafka "$strange"
done

# `run` removes its folder at the end, so it takes none that holds something.
mkdir -p "$work/mine/folder"
if "$here/cluster" run "$work/mine" 1.1.1 2> "$work/error"; then fail "run took a folder that was in use"; fi
grep -q 'is not empty' "$work/error" || fail "why run refused: $(cat "$work/error")"
[ -d "$work/mine/folder" ] || fail "run removed what it had not made"

# A relative cache, and no HOME: servers are started again from other folders.
(
    cd "$work"
    env -u HOME -u XDG_CACHE_HOME -u KWIRE_CACHE bash -euo pipefail -c '. "$1"; [[ $KWIRE_CACHE == /*/.cache/kwire ]]' \
        bash "$here/kafka_jars.sh" || fail "no cache without HOME"
    [ "$(KWIRE_CACHE=some/where bash -c '. "$1"; echo "$KWIRE_CACHE"' bash "$here/kafka_jars.sh")" = "$work/some/where" ] ||
        fail "a relative cache stays relative"
)
