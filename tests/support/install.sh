# shellcheck shell=bash
# Installs what is missing of third_party/packages.txt. Sourced by tests/run.sh and tools/demo.sh.
#
#   install_missing ROOT USE...    the packages for these uses (build, test, run); quiet when nothing is missing
#
# Needs root or sudo only if something is missing. On a system without dpkg it names the list and goes on.

missing_packages() { # ROOT USE...
    local list=$1/third_party/packages.txt name use rest; shift
    while read -r name use rest; do
        case $name in '' | '#'*) continue ;; esac
        [[ " $* " == *" $use "* ]] || continue
        case $name in # a Java or a Maven of another origin serves as well
            default-jre-headless) ! command -v java > /dev/null || continue ;;
            maven) ! command -v mvn > /dev/null || continue ;;
        esac
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null)" = installed ] || echo "$name"
    done < "$list"
}

install_missing() { # ROOT USE...
    local missing as_root=()
    if ! command -v dpkg-query > /dev/null; then
        echo "This is no Debian: have the packages of third_party/packages.txt installed." >&2
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo > /dev/null; then
            echo "Missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing ${#missing[@]} packages: ${missing[*]}"
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3)
    apt_quietly "${as_root[@]}" update && apt_quietly "${as_root[@]}" install --no-install-recommends "${missing[@]}"
}

apt_quietly() { # COMMAND... : its output only if it fails
    local log; log=$(mktemp)
    if ! "$@" > "$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
