#!/usr/bin/env bash
# Writes the data in tests/protocol/data anew, from the official Java clients: generate.sh [COUNT [SEED [FOLDER]]]
#
# Needs a Java 17 runtime and the network (Maven Central) once. Nothing here runs in an ordinary test: the data is in the repository.
# Two clients, since 4.x dropped old versions and 3.9.1 lacks new ones; where both know a version, the newer one speaks.
set -euo pipefail
# shellcheck source=tests/oracle/clients.sh
. "$(dirname "$0")/clients.sh"
count=${1:-3}
seed=${2:-20}
data=${3:-$here/../protocol/data}

mapfile -t names < <(sed 's/:.*/:0-99/' "$work/new")

{ oracle 3.9.1 messages "$count" "$seed" "${old[@]}"; oracle 4.4.0 messages "$count" "$seed" "${new[@]}"; } > "$data/messages.txt"
{ oracle 3.9.1 schemas "${old[@]}"; oracle 4.4.0 schemas "${new[@]}"; } > "$data/schemas.txt"
{ oracle 3.9.1 fields "${old[@]}"; oracle 4.4.0 fields "${names[@]}"; } | sort -u > "$data/fields.txt"
oracle 4.4.0 errors > "$data/error_codes.txt"
wc -l "$data"/{messages,schemas,fields,error_codes}.txt
