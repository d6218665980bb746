#!/usr/bin/env bash
# A consumer group at work on a real Kafka: two members share a topic while text streams through it, one of them is
# killed, the other one takes over, and nothing is lost.
#
#   tools/demo.sh                    installs what is missing, builds, shows, and stops all it started
#   tools/demo.sh --keep             leaves ZooKeeper and Kafka up and prints how to use and to stop them
#   tools/demo.sh --kafka VERSION    another release of Kafka than 3.9.1; 0.8.2.2 to 4.4.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/support/install.sh
. tests/support/install.sh
# shellcheck source=tests/support/kafka_jars.sh
. tests/support/kafka_jars.sh

keep='' version=3.9.1
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes ;;
        --kafka) version=${2:?--kafka needs a version}; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"; exit ;;
        *) echo "tools/demo.sh does not know $1; see --help" >&2; exit 2 ;;
    esac
    shift
done
kafka_version_check "$version" || exit 2

topic=words group=demo partitions=8
session_ms=2000 lines_a_second=150 seconds_before_kill=4
kwire=build/release/kwire
[ -t 1 ] && live=yes || live=''

drawn=0 # lines of the table on the terminal that the next one is drawn over
say() {
    printf '\n== %s\n' "$*"
    drawn=0
}
fail() { echo "demo: $*" >&2; exit 1; }

# --- what is there at the end --------------------------------------------------------------------------------------

dir=$(mktemp -d "${TMPDIR:-/tmp}/kwire-demo.XXXXXX")
pids=()
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    local pid
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2> /dev/null || true; done
    [ -z "${jars:-}" ] || kill -- -"$jars" 2> /dev/null || true
    [ -n "$keep" ] && [ -n "${finished:-}" ] && return
    tests/support/cluster stop "$dir"
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# --- the group, as `kwire group describe` tells it -----------------------------------------------------------------

# One line a partition: number owner offset log_end lag, "-" for what is not known.
describe() {
    "$kwire" group describe "$group" --zookeeper "$KWIRE_ZOOKEEPER" --bootstrap "$KWIRE_BOOTSTRAP" --format json \
        2>> "$dir/describe.log" | awk -v RS='{' '
        function field(name,    value) {
            if (!match($0, "\"" name "\": *(\"[^\"]*\"|[^,}]*)")) return "-"
            value = substr($0, RSTART, RLENGTH)
            sub(/^"[^"]*": */, "", value)
            gsub(/"/, "", value)
            return value == "null" || value == "" ? "-" : value
        }
        /"log_end"/ { print field("partition"), field("owner"), field("offset"), field("log_end"), field("lag") }' |
        sort -n || true
}

count() { if [ -e "$1" ]; then wc -l < "$1"; else echo 0; fi; } # FILE

# Draws the table; on a terminal over the one before.
draw() { # STATE
    local text
    text=$({
        printf '\nwritten %5d lines    read by member-1 %5d, by member-2 %5d\n\n' \
            "$(count "$dir/text")" "$(count "$dir/member-1.json")" "$(count "$dir/member-2.json")"
        printf '  %-9s  %-10s %8s %8s %6s\n' partition owner offset end lag
        while read -r partition owner offset log_end lag; do
            printf '  %-9s  %-10s %8s %8s %6s\n' "$partition" "$owner" "$offset" "$log_end" "$lag"
        done <<< "$1"
    })
    [ -z "$live" ] || [ "$drawn" = 0 ] || printf '\033[%dA\033[J' "$drawn"
    printf '%s\n' "$text"
    drawn=$(wc -l <<< "$text")
}

# Looks at the group until the condition holds for its state, redrawing on a terminal, and draws how it ended.
watch_until() { # SECONDS WHAT CONDITION...
    local deadline=$((SECONDS + $1)) what=$2 state; shift 2
    until state=$(describe) && "$@" "$state"; do
        if [ $SECONDS -ge $deadline ]; then
            draw "$state"
            tail -n 20 "$dir"/*.log >&2
            fail "$what did not happen"
        fi
        [ -z "$live" ] || draw "$state"
        alive
        sleep 0.3
    done
    draw "$state"
}

# The members that are meant to run do run.
alive() {
    local member
    for member in "${members[@]}"; do
        kill -0 "${pids[member]}" 2> /dev/null && continue
        cat "$dir/member-$member.log" >&2
        fail "member-$member ended before it should"
    done
}

owned_by() { [ "$(awk '{ print $2 }' <<< "$2" | grep -cx "$1")" = "${3:-$partitions}" ]; } # OWNER STATE [PARTITIONS]
shared() { owned_by member-1 "$1" $((partitions / 2)) && owned_by member-2 "$1" $((partitions / 2)); } # STATE
taken_over() { owned_by member-1 "$1"; }                                                             # STATE
# Nothing left to read, as far as the offsets are committed, of all that was written.
read_up() { [ "$(awk '$5 != 0' <<< "$1")" = '' ] && [ "$(awk '{ n += $4 } END { print n }' <<< "$1")" = "$written" ]; }
been_on() { [ $SECONDS -ge "$show_until" ]; }

# --- set-up --------------------------------------------------------------------------------------------------------

install_missing "$PWD" build test run

say "Building $kwire"
setsid tests/support/cluster warm "$version" & # a group of its own, so that what it started ends with it
jars=$!
export CCACHE_BASEDIR=$PWD # what another clone compiled serves this one
cmake --preset release > "$dir/build.log" 2>&1 || { cat "$dir/build.log" >&2; fail "cmake could not configure"; }
if [ -n "$live" ]; then
    cmake --build --preset release --target kwire_command
else
    cmake --build --preset release --target kwire_command > "$dir/build.log" 2>&1 ||
        { tail -n 50 "$dir/build.log" >&2; fail "the build failed"; }
fi
wait "$jars" || fail "Kafka could not be fetched"
jars=

say "Starting ZooKeeper and Kafka $version"
tests/support/cluster start "$dir" "$version" > /dev/null
eval "$(tests/support/cluster settings "$dir")"
echo "bootstrap $KWIRE_BOOTSTRAP, zookeeper $KWIRE_ZOOKEEPER"
# Old brokers do not create topics when asked, new ones do not look into ZooKeeper.
case $version in
    0.*) where=(--zookeeper "$KWIRE_ZOOKEEPER") ;;
    *) where=(--bootstrap "$KWIRE_BOOTSTRAP") ;;
esac
"$kwire" topics create $topic --partitions $partitions --replication-factor 1 "${where[@]}" \
    2> "$dir/topics.log" || { cat "$dir/topics.log" >&2; fail "the topic could not be created"; }

# --- the show ------------------------------------------------------------------------------------------------------

start_member() { # NUMBER
    "$kwire" consume --zookeeper "$KWIRE_ZOOKEEPER" --bootstrap "$KWIRE_BOOTSTRAP" --group $group --topic $topic \
        --initial oldest --format json -X consumer.id="member-$1" -X zookeeper.session.timeout.ms=$session_ms \
        -X auto.commit.interval.ms=500 > "$dir/member-$1.json" 2> "$dir/member-$1.log" < /dev/null &
    pids[$1]=$!
    members+=("$1")
}

# Real text: the licences and documents at hand, line by line, at a steady pace.
stream_text() {
    local line n=0
    cat LICENSE ./*.md ./*/README.md /usr/share/common-licenses/GPL-3 2> /dev/null | grep . | head -n 1500 |
        while IFS= read -r line; do
            printf '%s\n' "$line"
            n=$((n + 1))
            [ $((n % (lines_a_second / 10))) != 0 ] || sleep 0.1
        done | tee "$dir/text"
}

say "Two members of group $group join and share the $partitions partitions of topic $topic"
members=()
start_member 1
start_member 2
stream_text | "$kwire" produce --bootstrap "$KWIRE_BOOTSTRAP" --topic $topic > "$dir/produce.log" 2>&1 &
producer=$!
pids[3]=$producer
show_until=0
watch_until 30 "sharing the partitions" shared
show_until=$((SECONDS + seconds_before_kill))
watch_until $((seconds_before_kill + 10)) "the wait" been_on

say "member-2 is killed (SIGKILL); its session of $((session_ms / 1000)) s runs out, and member-1 takes over"
{ kill -KILL "${pids[2]}" && wait "${pids[2]}"; } 2> /dev/null || true # the shell's word on it is not wanted
unset 'pids[2]'
members=(1)
killed_at=${EPOCHREALTIME/./}
watch_until 30 "the takeover" taken_over
printf '\nall partitions owned again %d ms after the kill\n' $(((${EPOCHREALTIME/./} - killed_at) / 1000))

say "The text goes on to its end, and member-1 reads all of it"
wait "$producer" || { unset 'pids[3]'; cat "$dir/produce.log" >&2; fail "kwire produce failed"; }
unset 'pids[3]'
written=$(count "$dir/text")
watch_until 30 "reading up" read_up

kill -TERM "${pids[1]}"
wait "${pids[1]}" || { cat "$dir/member-1.log" >&2; fail "member-1 did not leave cleanly"; }
unset 'pids[1]'

# --- the account ---------------------------------------------------------------------------------------------------

# Partition and offset of every line that a member printed in whole.
deliveries() {
    sed -n 's/.*"partition": *\([0-9]*\),.*"offset": *\([0-9]*\),.*/\1 \2/p' "$dir"/member-?.json
}
read_in_all=$(deliveries | wc -l)
read_once=$(deliveries | sort -u | wc -l)
say "Written $written lines, read $read_once of them, lost $((written - read_once)), lag 0"
echo "$((read_in_all - read_once)) were read twice: what member-2 had read and not yet committed when it was killed"
[ "$read_once" = "$written" ] || fail "lines were lost"

finished=yes
if [ -n "$keep" ]; then
    cat << EOF2

ZooKeeper and Kafka are still up:
  $kwire consume --zookeeper $KWIRE_ZOOKEEPER --bootstrap $KWIRE_BOOTSTRAP --group another --topic $topic
  echo hello | $kwire produce --bootstrap $KWIRE_BOOTSTRAP --topic $topic
  $kwire group describe $group --zookeeper $KWIRE_ZOOKEEPER --bootstrap $KWIRE_BOOTSTRAP
Stop them and remove what they wrote:
  tests/support/cluster stop $dir && rm -rf $dir
EOF2
else
    echo "Stopped everything that was started here."
fi
