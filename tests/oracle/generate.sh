#!/usr/bin/env bash
# Writes the data in tests/protocol/data anew, from the official Java clients: generate.sh [COUNT [SEED [FOLDER]]]
#
# Needs a JDK and the network (Maven Central) once. Nothing here runs in an ordinary test: the data is in the repository.
# Two clients, since 4.x dropped old versions and 3.9.1 lacks new ones; where both know a version, the newer one speaks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/kafka_jars.sh
. "$here/../support/kafka_jars.sh"
count=${1:-3}
seed=${2:-20}
data=${3:-$here/../protocol/data}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for version in 3.9.1 4.3.0; do
    jars=$(kafka_jars "$version")
    mkdir "$work/$version"
    javac -nowarn -d "$work/$version" -cp "$jars/*" "$here/MessageOracle.java"
    echo "$work/$version:$jars/*" > "$work/$version.classpath"
done
oracle() { java -cp "$(cat "$work/$1.classpath")" MessageOracle "${@:2}" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }; }

# All that the newer client knows, and of the older one what came before.
oracle 4.3.0 list > "$work/new"
oracle 3.9.1 list > "$work/all_old"
awk -F '[:-]' -v OFS= 'NR == FNR { first[$1] = $2; next }
    $1 ~ /^ListClientMetricsResources/ { next } # the former name of ListConfigResources
    !($1 in first) { print $1, ":", $2, "-", $3 }
    ($1 in first) && $2 < first[$1] { print $1, ":", $2, "-", first[$1] - 1 }' "$work/new" "$work/all_old" > "$work/old"
mapfile -t new < "$work/new"
mapfile -t old < "$work/old"
mapfile -t names < <(sed 's/:.*/:0-99/' "$work/new")

{ oracle 3.9.1 messages "$count" "$seed" "${old[@]}"; oracle 4.3.0 messages "$count" "$seed" "${new[@]}"; } > "$data/messages.txt"
# The older client writes null there and does not say so in its schema.
{ oracle 3.9.1 schemas "${old[@]}" | sed '/^ShareGroupHeartbeatResponse 0 /s/ assignment {/ assignment ?{/'
  oracle 4.3.0 schemas "${new[@]}"; } > "$data/schemas.txt"
{ oracle 3.9.1 fields "${old[@]}"; oracle 4.3.0 fields "${names[@]}"; } | sort -u > "$data/fields.txt"
oracle 4.3.0 errors > "$data/error_codes.txt"
wc -l "$data"/{messages,schemas,fields,error_codes}.txt
