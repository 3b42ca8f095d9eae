#!/bin/sh
# Makes .venv/NAME from requirements/NAME.txt, or brings it up to date. Nothing but Python >= 3.11 has to be there.
#
#   sh deploy/setup/venv.sh NAME
#
# The list it was made from is kept inside the environment, so a second call compares two files and is done. An
# environment whose set-up was interrupted is made anew. Several calls may run at once: they take turns.
set -eu

name=${1:?usage: venv.sh NAME}
cd "${0%/*}/../.."
venv=.venv/$name
wanted=requirements/$name.txt
made_from=$venv/made-from.txt
unfinished=$venv/unfinished

[ -f "$wanted" ] || { echo "There is no $wanted." >&2; exit 1; }

is_ready() {
    [ -x "$venv/bin/python" ] && [ ! -e "$unfinished" ] && cmp -s "$wanted" "$made_from"
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer was found; on Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv" >&2
    return 1
}

# Debian and Ubuntu split ensurepip out of Python into a package of its own.
require_ensurepip() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv"
        quietly sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y python3-venv'
        "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    fi
    echo "$1 cannot make virtual environments; run: sudo apt-get install python3-venv" >&2
    return 1
}

# Runs a command and shows what it said only if it failed.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        echo "Failed: $*" >&2
        return 1
    fi
}

set_up() {
    python=$(find_python)
    require_ensurepip "$python"
    echo "Setting up $venv (about a minute, once)"
    if [ -e "$unfinished" ] || [ ! -x "$venv/bin/python" ]; then
        rm -rf "$venv"
    fi
    mkdir -p "$venv"
    touch "$unfinished"
    [ -x "$venv/bin/python" ] || quietly "$python" -m venv "$venv"
    quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile -r "$wanted"
    # The checkout itself is put on the path instead of being installed: an edit is seen at once, nothing is built.
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    pwd >"$site/checkout.pth"
    # Uncompiled packages triple every start; this does not depend on PYTHONDONTWRITEBYTECODE.
    quietly "$venv/bin/python" -m compileall -q -j 0 "$site"
    cp "$wanted" "$made_from"
    rm -f "$unfinished"
}

is_ready && exit 0
mkdir -p .venv
# One set-up at a time, whatever `make -j` or a second terminal does: apt and pip's cache are shared. The kernel lets
# go of the lock when this process ends, however it ends.
if command -v flock >/dev/null; then
    exec 9>.venv/lock
    flock 9
    is_ready && exit 0
fi
set_up
