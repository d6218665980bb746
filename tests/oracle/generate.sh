#!/usr/bin/env bash
# Writes the data in tests/protocol/data anew, from the official Java clients: generate.sh [COUNT [SEED [FOLDER]]]
#
# Needs a JDK and the network (Maven Central) once. Nothing here runs in an ordinary test: the data is in the repository.
# Two clients, since 4.x dropped old versions and 3.9.1 lacks new ones; where both know a version, the older one speaks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/kafka_jars.sh
. "$here/../support/kafka_jars.sh"
count=${1:-4}
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

# What kwire speaks, and the highest version that 3.9.1 speaks of it.
names=() old=() new=()
while read -r name highest; do
    old+=("$name:0-$highest")
    new+=("$name:$((highest + 1))-99")
    names+=("$name:0-99")
done < "$here/messages.txt"

{ oracle 3.9.1 messages "$count" "$seed" "${old[@]}"; oracle 4.3.0 messages "$count" "$seed" "${new[@]}"; } > "$data/messages.txt"
{ oracle 3.9.1 schemas "${old[@]}"; oracle 4.3.0 schemas "${new[@]}"; } > "$data/schemas.txt"
{ oracle 3.9.1 fields "${names[@]}"; oracle 4.3.0 fields "${names[@]}"; } | sort -u > "$data/fields.txt"
oracle 4.3.0 errors > "$data/error_codes.txt"
wc -l "$data"/{messages,schemas,fields,error_codes}.txt
