# shellcheck shell=bash
# A machine that has never seen kwire, as far as one folder and some variables can make it. Sourced.

# The files that a clone would have if everything here was committed: no build, nothing ignored.
copy_tree() { # ROOT TARGET
    mkdir -p "$2"
    if git -C "$1" rev-parse --is-inside-work-tree > /dev/null 2>&1; then
        (
            cd "$1" || exit
            git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
                [ ! -e "$file" ] || printf '%s\0' "$file" # removed, and not committed yet
            done | tar -c --null --no-recursion -T - | tar -x -C "$2"
        )
    else # not a clone but a tree that somebody unpacked, or git is missing
        tar -c -C "$1" --exclude=./build --exclude=./.git . | tar -x -C "$2"
    fi
}

# Runs a command with a HOME that holds nothing, and no jars, neither in kwire's cache nor in Maven's. What a machine has to
# have stays: the settings that lead Maven to its registry, and the compiler's cache, which saves minutes and shows nothing.
as_newcomer() { # HOME COMMAND...
    local home=$1 settings=~/.m2/settings.xml compiled size; shift
    compiled=${CCACHE_DIR:-$(ccache --get-config cache_dir 2> /dev/null || true)}
    size=${CCACHE_MAXSIZE:-$(ccache --get-config max_size 2> /dev/null || true)} # or it would be cut to the default
    mkdir -p "$home/.m2"
    [ ! -e "$settings" ] || cp "$settings" "$home/.m2"
    # Java does not ask HOME where the user's folder is.
    env -u KWIRE_CACHE -u XDG_CACHE_HOME -u XDG_CONFIG_HOME ${compiled:+"CCACHE_DIR=$compiled"} \
        ${size:+"CCACHE_MAXSIZE=$size"} HOME="$home" MAVEN_OPTS="${MAVEN_OPTS:-} -Duser.home=$home" "$@"
}
