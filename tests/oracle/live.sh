#!/usr/bin/env bash
# Holds kwire's messages against the official Java clients with values drawn anew: live.sh ORACLE_LIVE KWIRE [COUNT [SEED]]
#
# ORACLE_LIVE and KWIRE are the two programs. COUNT values of every message at every version go each way (100). The seed
# is printed first: a run that failed is run again with it.
set -euo pipefail
program=$1 kwire=$2 count=${3:-100} seed=${4:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
# shellcheck source=tests/oracle/clients.sh
. "$(dirname "$0")/clients.sh"
echo "seed $seed"

{ oracle 3.9.1 schemas "${old[@]}"; oracle 4.4.0 schemas "${new[@]}"; } | sort > "$work/java_schemas"
"$kwire" apis --schema | sort | diff "$work/java_schemas" - || { echo "schemas differ: < Java, > kwire"; exit 1; }

converse() { # VERSION MESSAGE...
    "$program" "$seed" java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$(cat "$work/$1.classpath")" MessageOracle live \
        "$count" "$seed" "${@:2}"
}
converse 3.9.1 "${old[@]}" > "$work/old_log" 2>&1 & other=$!
status=0
converse 4.4.0 "${new[@]}" || status=$?
wait $other || status=$?
cat "$work/old_log"
exit $status
