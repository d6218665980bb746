#!/usr/bin/env bash
# Installs what is missing, builds kwire and runs its tests.
#
#   tests/run.sh              unit tests, then the tests on real brokers (Java, Maven Central): on three releases, the
#                             oldest, one in the middle and the newest
#   tests/run.sh --all        on all seven releases of tests/support/releases.txt
#   tests/run.sh --unit       only the tests that need neither broker nor network
#   tests/run.sh --real       only the others
#   tests/run.sh --asan       with the address and undefined behaviour sanitizers (--tsan: the thread sanitizer)
#   tests/run.sh REGEX        only tests whose name matches, on all releases; `0.8.2.2` are those on that broker
#   tests/run.sh --preset P   another build of CMakePresets.json than dev (not release, which leaves the tests out)
#
# ctest's own words come last, and its exit code is this script's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
# shellcheck source=tests/support/install.sh
. tests/support/install.sh

preset=dev uses=(build test run) arguments=() left_out=() all=''
while [ $# -gt 0 ]; do
    case $1 in
        --unit) arguments+=(-L unit); uses=(build test) ;;
        --real) left_out+=(unit) ;;
        --all) all=yes ;;
        --asan | --tsan) preset=${1#--} ;;
        --preset) preset=$2; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"; exit ;;
        -*) echo "tests/run.sh does not know $1; see --help" >&2; exit 2 ;;
        *) arguments+=(-R "$1"); all=yes ;;
    esac
    shift
done
# Counting instructions builds for release: only where everything is asked for.
counting=OFF
[ "$preset ${#arguments[@]} ${#left_out[@]}" != "dev 0 0" ] || counting=ON
[ -n "$all" ] || left_out+=(all_releases)
[ ${#left_out[@]} = 0 ] || arguments+=(-LE "^($(IFS='|'; echo "${left_out[*]}"))\$")

started=$SECONDS
say() { printf '== %s (%d s)\n' "$*" $((SECONDS - started)); }

# All that tests write, and every broker they start, is below this folder; whatever is left there at the end is ended.
KWIRE_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kwire-test.XXXXXX")
export KWIRE_TEST_DIR
# shellcheck disable=SC2317 # reached by the trap
clean_up() {
    [ -z "${jars:-}" ] || kill -- -"$jars" 2> /dev/null || true
    find "$KWIRE_TEST_DIR" -maxdepth 2 -name settings -printf '%h\0' | xargs -0 -r tests/support/cluster stop
    rm -rf "$KWIRE_TEST_DIR"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

say "Packages"
install_missing "$root" "${uses[@]}"

# The network fetches Kafka while the processor compiles.
if [[ " ${uses[*]} " == *" run "* ]]; then
    setsid tests/support/cluster warm & # a group of its own, so that what it started ends with it
    jars=$!
fi

say "Build ($preset)"
cmake --preset "$preset" -DKWIRE_COUNT_INSTRUCTIONS=$counting > "$KWIRE_TEST_DIR/configure.log" 2>&1 || { cat "$KWIRE_TEST_DIR/configure.log" >&2; exit 1; }
if [ -t 1 ]; then cmake --build --preset "$preset"; else cmake --build --preset "$preset" -- --quiet; fi

if [ -n "${jars:-}" ]; then
    say "Kafka's jars"
    wait "$jars"
    jars=
fi

say "Tests"
[ "$preset" != tsan ] || export TSAN_OPTIONS="suppressions=$root/tests/support/tsan.supp ${TSAN_OPTIONS:-}"
cores=$(nproc)
status=0
ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel $((cores > 2 ? cores : 2)) \
    "${arguments[@]}" || status=$?
exit $status
