# shellcheck shell=bash
# The official clients, compiled against: sourced by generate.sh and live.sh. Sets `old` and `new`, the messages to ask
# 3.9.1 and 4.4.0 for: NAME:LOW-HIGH each.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/kafka_jars.sh
. "$here/../support/kafka_jars.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kafka_jars_warm 3.9.1 4.4.0 # both by one Maven
for version in 3.9.1 4.4.0; do
    jars=$(kafka_jars "$version")
    mkdir "$work/$version"
    # The compiler as a module: a JRE has it too, and no javac, whose launcher would read "*".
    java -m jdk.compiler/com.sun.tools.javac.Main -nowarn -d "$work/$version" -cp "$(printf '%s:' "$jars"/*.jar)" \
        "$here/MessageOracle.java"
    echo "$work/$version:$jars/*" > "$work/$version.classpath"
done
oracle() { java -cp "$(cat "$work/$1.classpath")" MessageOracle "${@:2}" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }; }

# All that the newer client knows, and of the older one what came before.
oracle 4.4.0 list > "$work/new"
oracle 3.9.1 list > "$work/all_old"
awk -F '[:-]' -v OFS= 'NR == FNR { first[$1] = $2; next }
    $1 ~ /^ListClientMetricsResources/ { next } # the former name of ListConfigResources
    !($1 in first) { print $1, ":", $2, "-", $3 }
    ($1 in first) && $2 < first[$1] { print $1, ":", $2, "-", first[$1] - 1 }' "$work/new" "$work/all_old" > "$work/old"
mapfile -t new < "$work/new"
mapfile -t old < "$work/old"
