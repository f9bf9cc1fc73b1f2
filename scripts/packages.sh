# shellcheck shell=bash
# packages.sh - sourced by the other scripts: installs the Debian packages that are missing, and says so.

# need_packages WHY PACKAGE...: nothing happens when all of them are there.
need_packages() {
    local why=$1 package
    shift
    local missing=()
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    echo "installing for $why: ${missing[*]}"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || {
            echo "shannon: these packages are missing and there is no sudo to install them with:" >&2
            echo "  apt-get install ${missing[*]}" >&2
            return 1
        }
        as_root=(sudo)
    fi
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" ||
        { "${as_root[@]}" apt-get update &&
            "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; }; } >"$log" 2>&1; then
        echo "shannon: apt-get could not install ${missing[*]}:" >&2
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
