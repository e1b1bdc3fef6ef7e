#!/bin/sh
# Bring the project's virtual environment up to date: tools/venv.sh DIRECTORY EXTRA...
#
# Makes DIRECTORY with the first Python >= 3.11 it finds (or with $PYTHON) and installs the
# project in it, editable, with the extras. Where that has been done already, for this place
# and these dependencies, it does nothing and needs no network.
set -eu
cd "$(dirname "$0")/.."

venv=$1
shift
stamps=$venv/otmaps-stamps

fail() {
    printf '\notmaps: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '        %s\n' "$line" >&2; done
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

makes_venvs() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    bare=
    for python in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if is_new_enough "$python"; then
            if makes_venvs "$python"; then return; fi
            bare=${bare:-$python}
        fi
        if [ -n "${PYTHON:-}" ]; then break; fi
    done
    if [ -n "$bare" ]; then
        fail "$("$bare" --version) ($(command -v "$bare")) lacks the module venv or ensurepip." \
            "Install it (Debian, Ubuntu: apt install python3-venv), or name another Python:" \
            "make PYTHON=/path/to/python3 ..."
    elif [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is no Python of version 3.11 or newer." \
            "Name another, or leave PYTHON out to let it be looked for."
    fi
    found=$(python3 --version 2>/dev/null || echo 'no python3')
    fail "Python 3.11 or newer is missing (found: $found)." \
        "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python)" \
        "or name one that is not on the PATH: make PYTHON=/path/to/python3 ..."
}

make_venv() {
    if [ -e "$venv" ] && [ ! -e "$stamps" ]; then
        fail "$venv exists and was not made by this Makefile, or not to its end." \
            "Remove it, or choose another place: make VENV=.venv-otmaps ..."
    fi
    find_python
    echo "Making the virtual environment $venv with $("$python" --version)"
    rm -rf "$venv"
    trap 'rm -rf "$venv"' EXIT
    "$python" -m venv "$venv" || fail "$venv could not be made: see above for the cause."
    mkdir "$stamps"
    pwd -P >"$stamps/place"
    printf '%s\n' "${PYTHON:-}" >"$stamps/python"
    trap - EXIT
}

# An environment moved or copied with its project still points to the old place.
if ! "$venv/bin/python" -c '' 2>/dev/null ||
    [ "$(cat "$stamps/place" 2>/dev/null)" != "$(pwd -P)" ] ||
    { [ -n "${PYTHON:-}" ] && [ "$(cat "$stamps/python")" != "$PYTHON" ]; }; then
    make_venv
fi

# What must be installed is said by all that stands before the first table of a tool.
wanted=$({ sed '/^\[tool\./,$d' pyproject.toml && grep '^__version__' otmaps/__init__.py; } | cksum)
missing=
for extra in "$@"; do
    if [ "$(cat "$stamps/$extra" 2>/dev/null)" != "$wanted" ]; then
        missing=${missing:+$missing,}$extra
    fi
done
if [ -z "$missing" ]; then exit 0; fi

echo "Installing otmaps and what it needs for: $missing (some minutes the first time)"
"$venv/bin/python" -m pip install --quiet --editable ".[$missing]" || fail \
    "pip could not install what is needed for: $missing. Its reason stands above." \
    "If that is the network: pip fetches packages from an index; bring the network up, or name" \
    "a mirror (PIP_INDEX_URL) or a folder of wheels (PIP_FIND_LINKS), and run this again." \
    "If it has no packages for $("$venv/bin/python" --version): choose another Python, as in" \
    "make PYTHON=python3.12 ..."
for extra in "$@"; do printf '%s\n' "$wanted" >"$stamps/$extra"; done
