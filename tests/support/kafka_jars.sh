# shellcheck shell=bash
# Kafka's jars from Maven Central, one folder a release, kept between runs. Sourced by `cluster`.
#
#   kafka_jars VERSION       prints the folder of that release's jars, fetching them first if need be
#   kafka_jars_warm V...     fetches several releases with one run of Maven
#
# Safe to call from any number of processes at once: whoever comes second waits for the first. A release may be named
# more than once.

kwire_home=~ # of the user where HOME is not set
KWIRE_CACHE=${KWIRE_CACHE:-${XDG_CACHE_HOME:-$kwire_home/.cache}/kwire}
case $KWIRE_CACHE in /*) ;; *) KWIRE_CACHE=$PWD/$KWIRE_CACHE ;; esac # servers are restarted from other folders

# Of what kafka_pom asks for. A number of its own for every change: two checkouts may share the cache, and the one must
# not take the jars away that servers of the other are running from.
kafka_jars_top=$KWIRE_CACHE/kafka-3

# The Scala that the release was published for; the oldest one that Kafka's own site recommended.
scala_of() {
    case $1 in
        0.8.*) echo 2.10 ;;
        0.9.* | 0.10.* | 0.11.* | 1.*) echo 2.11 ;;
        *) echo 2.13 ;;
    esac
}

# version_at_least A B: A >= B
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# What is no release never becomes a folder or a line in a file of Maven's.
kafka_version_check() { # VERSION...
    local version
    for version in "$@"; do
        [[ $version =~ ^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2,3}$ ]] && continue
        printf '%q is no release of Kafka: write three or four numbers with dots between them, as 3.9.1 or 0.8.2.2\n' \
            "$version" >&2
        return 1
    done
}

kafka_jars_dir() { echo "$kafka_jars_top/$1"; }
kafka_jars_ready() { [ -e "$(kafka_jars_dir "$1")/complete" ]; }

maven_dependency() { # GROUP ARTIFACT VERSION [GROUP:ARTIFACT to leave out...]
    local exclusion
    printf '    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>' "$1" "$2" "$3"
    if [ $# -gt 3 ]; then
        printf '\n      <exclusions>'
        for exclusion in "${@:4}"; do
            printf '<exclusion><groupId>%s</groupId><artifactId>%s</artifactId></exclusion>' \
                "${exclusion%:*}" "${exclusion#*:}"
        done
        printf '</exclusions>'
    fi
    printf '</dependency>\n'
}

kafka_pom() { # VERSION
    local version=$1
    cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kwire.jars</groupId><artifactId>kafka-$version</artifactId><version>1</version>
  <dependencies>
POM
    # log4j 1.2.15 asks for three artifacts of Sun's that were never in Maven Central; Kafka runs without them.
    maven_dependency org.apache.kafka "kafka_$(scala_of "$version")" "$version" \
        javax.jms:jms com.sun.jdmk:jmxtools com.sun.jmx:jmxri
    # 0.10 and 0.11 use what Java 11 took out of the runtime.
    version_at_least "$version" 2.0 || maven_dependency javax.xml.bind jaxb-api 2.3.1
    # The command line tools moved out of the core jar bit by bit from 3.3 on. What they need beyond it is Connect's.
    ! version_at_least "$version" 3.3 || maven_dependency org.apache.kafka kafka-tools "$version" "*:*"
    # From 1.0 on the jar names no logging backend. One that needs no configuration file.
    ! version_at_least "$version" 1.0 || maven_dependency org.slf4j slf4j-simple 1.7.36
    printf '  </dependencies>\n</project>\n'
}

# Maven gives up at the first broken download; a registry that hiccups deserves a second and a third look. -U, for
# Maven remembers for a day what was not there.
maven() { # arguments of mvn
    local attempt log
    log=$(mktemp)
    for attempt in 1 2 3; do
        if mvn -B -ntp -U "$@" > "$log" 2>&1 < /dev/null; then
            rm -f "$log"
            return 0
        fi
        [ "$attempt" = 3 ] || sleep $((attempt * 3))
    done
    # The first line says what failed, the others how to debug Maven.
    grep -m 1 -E '^\[(ERROR|FATAL)\] .' "$log" >&2 || tail -n 20 "$log" >&2
    rm -f "$log"
    echo "Maven could not fetch Kafka's jars (see above). Is there such a release, and is Maven Central, or the mirror" \
        "in your settings.xml, reachable?" >&2
    return 1
}

# One Maven for all of them: a project with a module a release. Called with the lock held.
kafka_jars_fetch() { # VERSION...
    local version dir modules=() top=$kafka_jars_top/pom.xml
    for version in "$@"; do
        ! kafka_jars_ready "$version" || continue # another process was faster
        dir=$(kafka_jars_dir "$version")
        rm -rf "$dir"
        mkdir -p "$dir"
        kafka_pom "$version" > "$dir/pom.xml"
        modules+=("$version")
    done
    [ ${#modules[@]} -gt 0 ] || return 0
    {
        printf '%s\n' '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' \
            '<groupId>kwire.jars</groupId><artifactId>all</artifactId><version>1</version>' \
            '<packaging>pom</packaging><modules>'
        printf '<module>%s</module>\n' "${modules[@]}"
        echo '</modules></project>'
    } > "$top"
    # shellcheck disable=SC2016 # the variable is Maven's
    maven -f "$top" -T 4 -DoutputDirectory='${project.basedir}/libs' -DincludeScope=runtime \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies || return 1
    for version in "${modules[@]}"; do touch "$(kafka_jars_dir "$version")/complete"; done
}

kafka_jars_warm() { # VERSION...
    local version missing=()
    kafka_version_check "$@" || return 1
    for version in "$@"; do
        # Maven refuses a project that has one module twice.
        kafka_jars_ready "$version" || [[ " ${missing[*]} " == *" $version "* ]] || missing+=("$version")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v mvn > /dev/null || { echo "mvn is missing: install the Debian package maven" >&2; return 1; }
    mkdir -p "$kafka_jars_top"
    (flock 9 && kafka_jars_fetch "${missing[@]}") 9> "$kafka_jars_top/lock"
}

kafka_jars() { # VERSION
    kafka_jars_warm "$1" && echo "$(kafka_jars_dir "$1")/libs"
}
