#!/usr/bin/env bash
# Reads the same topics with kwire, librdkafka, kcat, Java's consumer and a bare loop (the limit), in turn, and writes a
# table and a plot of who took how long.
#
#   bench/compare.sh [OPTION...]
#
#   --rows LIST       what to read, with commas; all | codecs | shapes, or names of rows (codecs):
#                       none lz4 zstd snappy gzip                 that codec; the shape below is what all rows vary
#                       10B 1KB 10KB 1MB                          the size of a message (91 bytes)
#                       p1 p64 p1000                              partitions (4)
#                       b1 b10 b100 b10000                        messages a batch (as many as fit into 1 MB)
#                       threads2 brokers3 v0 v1                   reading threads, brokers, old message formats
#                       latency idle                              send to receipt at 1,000 messages a second; the CPU
#                                                                 that 1,000 partitions take where nothing comes
#   --clients LIST    kwire group librdkafka kcat java limit (all)
#   --messages N      in a topic of 91-byte messages (4000000); other shapes take fewer, in proportion
#   --rounds N        how often each reads; the best counts (7)
#   --kafka VERSION   the brokers' release (3.9.1)
#   --results DIR     where to write (build/compare)
#
# Installs what is missing (third_party/packages.txt), builds kwire for release. LIBRDKAFKA=DIR names another librdkafka
# (DIR/include, DIR/lib) than the system's. A peer that is not there has cells that say so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
# shellcheck source=tests/support/install.sh
. tests/support/install.sh
# shellcheck source=tests/support/kafka_jars.sh
. tests/support/kafka_jars.sh

codecs=(none lz4 zstd snappy gzip)
shapes=(10B 1KB 10KB 1MB p1 p64 p1000 b1 b10 b100 b10000 threads2 brokers3 v0 v1 latency idle)
rows=("${codecs[@]}") clients=(kwire group librdkafka kcat java limit)
messages=4000000 rounds=7 kafka=3.9.1 results=$root/build/compare
while [ $# -gt 0 ]; do
    case $1 in
        --rows)
            case $2 in
                all) rows=("${codecs[@]}" "${shapes[@]}") ;;
                codecs) ;;
                shapes) rows=("${shapes[@]}") ;;
                *) IFS=, read -r -a rows <<< "$2" ;;
            esac
            shift ;;
        --clients) IFS=, read -r -a clients <<< "$2"; shift ;;
        --messages) messages=$2; shift ;;
        --rounds) rounds=$2; shift ;;
        --kafka) kafka=$2; shift ;;
        --results) results=$2; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"; exit ;;
        *) echo "bench/compare.sh does not know $1; see --help" >&2; exit 2 ;;
    esac
    shift
done
kafka_version_check "$kafka" || exit 2

work=$(mktemp -d "${TMPDIR:-/tmp}/kwire-compare.XXXXXX")
cluster=
stop_cluster() { [ -z "$cluster" ] || tests/support/cluster stop "$cluster"; [ -z "$cluster" ] || rm -rf "$cluster"; cluster=; }
trap 'stop_cluster; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

say() { printf '== %s\n' "$*" >&2; }

# --- what takes part -------------------------------------------------------------------------------------------------

build_all() {
    install_missing "$root" build test run compare || echo "going on with what is there" >&2
    say "Building"
    if ! { cmake --preset release && cmake --build --preset release --target kwire_command; } > "$work/build.log" 2>&1; then
        tail -n 30 "$work/build.log" >&2
        exit 1
    fi
    kwire=$root/build/release/kwire
    compile measured
    compile limit -Iprotocol/include build/release/protocol/libkwire_protocol.a -llz4 -lzstd -lsnappy -ldeflate ||
        echo "no limit: it needs libdeflate, lz4, zstd and snappy" >&2
    if [ -n "${LIBRDKAFKA:-}" ]; then
        compile librdkafka -I"$LIBRDKAFKA/include" -L"$LIBRDKAFKA/lib" -Wl,-rpath,"$LIBRDKAFKA/lib" -lrdkafka
    else
        compile librdkafka -lrdkafka || echo "no librdkafka" >&2
    fi
}

compile() { # NAME FLAG...
    c++ -std=c++20 -O2 -pthread "bench/compare/$1.cpp" "${@:2}" -o "$work/$1" > "$work/$1.log" 2>&1
}

# --- one row -----------------------------------------------------------------------------------------------------------

row_settings() { # ROW
    codec=none bytes=91 partitions=4 batch=1000000 threads=1 brokers=1 release=$kafka count=$messages
    case $1 in
        10B) bytes=10 ;;
        1KB) bytes=1000 count=$((messages / 4)) ;;
        10KB) bytes=10000 count=$((messages / 40)) ;;
        1MB) bytes=1000000 count=$((messages / 4000)) ;;
        p1) partitions=1 ;;
        p64) partitions=64 ;;
        p1000) partitions=1000 ;;
        b1) batch=1 count=$((messages / 10)) ;;
        b10) batch=10 count=$((messages / 4)) ;;
        b100) batch=100 ;;
        b10000) batch=10000 ;;
        threads2) threads=2 ;;
        brokers3) brokers=3 ;;
        v0) release=0.9.0.1 count=$((messages / 4)) ;;
        v1) release=0.10.2.2 count=$((messages / 4)) ;;
        latency) partitions=1 count=10000 ;;
        idle) partitions=1000 count=0 ;;
        *) codec=$1 ;;
    esac
    peer=()
    [ "$1" != v0 ] || peer=(api.version.request=false broker.version.fallback=0.9.0)
}

start_cluster() {
    [ "$running" != "$release $brokers" ] || return 0
    stop_cluster
    say "Kafka $release, brokers: $brokers"
    # Long-lived brokers: they may compile what they do often.
    export KWIRE_SERVER_JAVA_OPTS=${KWIRE_SERVER_JAVA_OPTS:--Xmx1g}
    cluster=$work/cluster
    tests/support/cluster start "$cluster" "$release" --brokers "$brokers" \
        --set message.max.bytes=10000000 --set replica.fetch.max.bytes=10000000 > "$work/settings"
    # shellcheck source=/dev/null
    . "$work/settings"
    running="$release $brokers"
}

fill() { # TOPIC
    local pipe=(kcat -P -b "$KWIRE_BOOTSTRAP" -t "$1" -z "$codec" -X batch.num.messages="$batch" -X batch.size=1000000
        -X linger.ms=200 -X message.max.bytes=5000000) p first=0 share property
    for property in "${peer[@]}"; do pipe+=(-X "$property"); done
    tests/support/cluster topic "$cluster" "$1" "$partitions" > "$work/topic.log" 2>&1 || { cat "$work/topic.log" >&2; return 1; }
    [ "$count" -gt 0 ] && [ "$1" != latency ] || return 0
    if [ "$partitions" -gt 64 ]; then
        "$work/measured" lines "$count" "$bytes" | "${pipe[@]}" -X sticky.partitioning.linger.ms=0
        return
    fi
    for ((p = 0; p < partitions; p++)); do
        share=$((count / partitions + (p < count % partitions)))
        "$work/measured" lines "$share" "$bytes" "$first" | "${pipe[@]}" -p "$p"
        first=$((first + share))
    done
}

# Prints one line of JSON; nothing and false if the client does not do that.
read_once() { # CLIENT TOPIC
    local properties=() property
    case $1 in
        kwire) "$kwire" bench fetch -b "$KWIRE_BOOTSTRAP" -t "$2" -n "$count" --threads "$threads" --json ;;
        group)
            [ "$threads" = 1 ] || return 1
            "$kwire" bench group -b "$KWIRE_BOOTSTRAP" -z "$KWIRE_ZOOKEEPER" -g "compare-$2" -t "$2" -n "$count" \
                -X auto.commit.interval.ms=1000 --json ;;
        librdkafka)
            "$work/librdkafka" fetch "$KWIRE_BOOTSTRAP" "$2" "$partitions" "$count" "$threads" "${peer[@]}" \
                fetch.message.max.bytes=1048576 receive.message.max.bytes=200000000 ;;
        kcat)
            [ "$threads" = 1 ] || return 1
            for property in "${peer[@]}"; do properties+=(-X "$property"); done
            "$work/measured" run "$count" /dev/null kcat -C -b "$KWIRE_BOOTSTRAP" -t "$2" -o beginning -e -q "${properties[@]}" ;;
        java)
            [ "$threads" = 1 ] && [ "$release" != 0.9.0.1 ] && [ "$release" != 0.10.2.2 ] || return 1
            "$work/measured" run "$count" "$work/java" tests/support/cluster tool "$release" \
                org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$KWIRE_BOOTSTRAP" --topic "$2" \
                --messages "$count" --group "java-$2-$RANDOM" --timeout 30000 --hide-header > "$work/java.json"
            # Its own figure leaves out the start of the machine; its CPU time does not.
            sed "s/\"messages_per_second\":[0-9.]*/\"messages_per_second\":$(awk -F', *' '/^[0-9]/ { print $10 }' "$work/java" | tail -n 1)/" \
                "$work/java.json" ;;
        limit)
            [ "$brokers" = 1 ] && [ "$threads" = 1 ] && [ "$release" = "$kafka" ] || return 1
            "$work/limit" "${KWIRE_BOOTSTRAP%:*}" "${KWIRE_BOOTSTRAP#*:}" "$2" "$partitions" "$count" ;;
    esac
}

latency_once() { # CLIENT TOPIC
    case $1 in
        kwire) "$kwire" bench latency -b "$KWIRE_BOOTSTRAP" -t "$2" -n "$count" --rate 1000 --json ;;
        librdkafka) "$work/librdkafka" latency "$KWIRE_BOOTSTRAP" "$2" 1 "$count" 1000 ;;
        *) return 1 ;;
    esac
}

# Nothing comes; the clients give up, or are ended, after twenty seconds.
idle_once() { # CLIENT TOPIC
    local command=()
    case $1 in
        kwire) command=("$kwire" bench fetch -b "$KWIRE_BOOTSTRAP" -t "$2" -n 1) ;;
        librdkafka) command=(timeout 20 "$work/librdkafka" fetch "$KWIRE_BOOTSTRAP" "$2" "$partitions" 1 1) ;;
        *) return 1 ;;
    esac
    "$work/measured" run 1 /dev/null "${command[@]}" || true # it did not get what it waited for
}

value() { sed -n "s/.*\"$1\":\([0-9.e+-]*\).*/\1/p"; } # NAME < JSON

run_row() { # ROW
    local row=$1 round client line how=read_once turns=$rounds
    row_settings "$row"
    start_cluster
    say "$row: filling ($count messages)"
    fill "$row"
    case $row in
        latency) how=latency_once turns=3 ;;
        idle) how=idle_once turns=1 ;;
    esac
    for ((round = 1; round <= turns; round++)); do
        for client in "${clients[@]}"; do
            [[ " $absent " != *" $client "* ]] || continue
            line=$($how "$client" "$row" 2>> "$work/errors") || continue
            printf '%s\n' "$line" | sed "s/^{/{\"row\":\"$row\",\"client\":\"$client\",\"round\":$round,/" >> "$results/runs.jsonl"
            case $row in
                latency) printf '%s\t%s\t%s\t%s\t0\n' "$row" "$client" "$(value latency_p50_ms <<< "$line")" "$(value latency_p99_ms <<< "$line")" ;;
                idle) printf '%s\t%s\t%s\t%s\t0\n' "$row" "$client" "$(value seconds <<< "$line")" "$(value cpu_seconds <<< "$line")" ;;
                *) printf '%s\t%s\t%s\t%s\t%s\n' "$row" "$client" "$(value messages_per_second <<< "$line")" \
                    "$(value cpu_ns_per_message <<< "$line")" "$(value peak_rss_bytes <<< "$line")" ;;
            esac | tee -a "$results/runs.tsv" >&2
        done
    done
}

find_missing() {
    absent=
    [ -x "$work/librdkafka" ] || absent+=" librdkafka"
    [ -x "$work/limit" ] || absent+=" limit"
    command -v kcat > /dev/null || absent+=" kcat"
    command -v java > /dev/null || absent+=" java"
}

facts() {
    printf '%s cores of %s, Linux %s, %s. Kafka %s on the same machine. %s; librdkafka %s.\n' "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" "$(date -u '+%-d %B %Y')" "$kafka" \
        "$("$kwire" --version)" "$(grep -ho '"version":"[^"]*' "$results/runs.jsonl" | head -n 1 | cut -d'"' -f4)"
    printf 'Each client in turn, %s rounds, the best of each. Load before and after: %s; %s.\n' "$rounds" "$load" \
        "$(cut -d' ' -f1 /proc/loadavg)"
}

build_all
find_missing
mkdir -p "$results"
rm -f "$results"/runs.tsv "$results"/runs.jsonl
load=$(cut -d' ' -f1 /proc/loadavg)
running=
for row in "${rows[@]}"; do run_row "$row" || echo "compare.sh: $row failed" >&2; done
[ -s "$results/runs.tsv" ] || { cat "$work/errors" >&2; echo "nothing was measured" >&2; exit 1; }
awk -v facts="$(facts)" -v missing="$absent" -v svg="$results/compare.svg" -f bench/compare/report.awk "$results/runs.tsv" \
    > "$results/compare.md"
cat "$results/compare.md"
say "in $results: compare.md, compare.svg, runs.tsv, runs.jsonl (every run)"
