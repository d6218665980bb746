#!/usr/bin/env bash
# Counts the instructions that kwire takes to read a message, and fails where they rose by more than 5 % above
# baseline.txt. Instructions repeat from run to run, times do not.
#
#   bench/client_bound/check.sh [--renew] [BUILD_FOLDER]
#
# --renew writes baseline.txt anew: after a change that is worth its price, or made things better. Counted is what kwire's
# own code does in the measured part (callgrind), without the broker's part, the C library and the codecs', which differ
# between machines. Exit code 77, which ctest takes for "skipped", where valgrind is not installed or the compiler is not
# the one of the baseline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
baseline=bench/client_bound/baseline.txt renew=
[ "${1:-}" != --renew ] || { renew=yes; shift; }
build=${1:-build/client-bound}
messages=50000 rise_max_percent=5

skip() { echo "skipped: $*" >&2; exit 77; }
command -v valgrind > /dev/null || skip "valgrind is not installed"

# With the flags and from the depth of build/release: ccache then has for the one what it compiled for the other, also in
# another clone.
export CCACHE_BASEDIR=$PWD
mkdir -p "$(dirname "$build")"
cmake --preset release -B "$build" -DKWIRE_BUILD_TOOLS=OFF > "$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$build/CMakeCache.txt" | head -n 1)
compiler="$("$compiler" --version | head -n 1), $(uname -m)"
[ -n "$renew" ] || grep -qxF "# $compiler" "$baseline" || skip "baseline.txt is of another compiler than $compiler"
cmake --build "$build" --target client_bound > "$build.log" 2>&1 || { tail -n 40 "$build.log" >&2; exit 1; }

# Sums what the functions of the program itself took; a line behind `calls=` is what was called took.
sum='/^c?ob=/ { of_callee = /^cob/; sub(/^c?ob=/, ""); if (NF > 1) name[$1] = $2
                if (!of_callee) mine = name[$1] ~ /client_bound$/ }
     /^calls=/ { skip = 1; next }
     /^[-+*0-9]/ { if (!skip && mine) total += $2; skip = 0 }
     END { printf "%.1f\n", total / messages }'

instructions() { # SHAPE
    local out; out=$(mktemp)
    valgrind --tool=callgrind --callgrind-out-file="$out" --collect-atstart=no \
        '--toggle-collect=kwire_bench_measured_part*' '--toggle-collect=kwire_bench_broker_part*' \
        "$build/bench/client_bound" "$1" $messages > "$out.json" 2> "$out.log" || { cat "$out.log" >&2; return 1; }
    awk -v messages="$(sed 's/.*"messages":\([0-9]*\).*/\1/' "$out.json")" "$sum" "$out"
    rm -f "$out" "$out.json" "$out.log"
}

status=0 renewed="# $compiler"$'\n'
for shape in plain lz4 small v1 wide; do
    now=$(instructions $shape)
    renewed+="$shape $now"$'\n'
    if [ -n "$renew" ]; then echo "$shape: $now instructions a message"; continue; fi
    before=$(awk -v shape=$shape '$1 == shape { print $2 }' "$baseline")
    if awk -v now="$now" -v before="${before:-0}" -v rise=$rise_max_percent 'BEGIN { exit !(now <= before * (1 + rise / 100)) }'; then
        echo "$shape: $now instructions a message ($before before)"
    else
        echo "$shape: $now instructions a message, more than $rise_max_percent % above the $before of $baseline" >&2
        status=1
    fi
done
[ -z "$renew" ] || printf '%s' "$renewed" > "$baseline"
exit $status
