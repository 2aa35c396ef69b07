# shellcheck shell=sh
# common.sh -- what every lint does first: find its tree, and count what it refuses. Sourced, by /bin/sh.
#
# A lint takes one argument, the root of a tree (default: this checkout), prints "file:line: what is wrong" for each
# thing it refuses, and exits 1 if there was one, 0 if there was none and 2 if it could not look.

set -eu
export LC_ALL=C.UTF-8
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "${1:-$here/../..}" && pwd)
cd "$root"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/kokuin-lint.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 2' HUP INT TERM
: >"$scratch/refused"

# files PATTERN...: the tree's own files with such a name, without what is built and what the lints must refuse.
files() {
    names=
    for pattern; do names="$names${names:+ -o }-name $pattern"; done
    # shellcheck disable=SC2086  # split on purpose; no pattern holds a blank
    (
        set -f
        find . \( -path ./build -o -path ./.git -o -path ./tests/lint/refuse -o -name node_modules \) -prune \
            -o -type f \( $names \) -print
    ) | sed 's|^\./||' | sort
}

refuse() {
    echo "$*" >>"$scratch/refused"
}

finish() {
    if [ -s "$scratch/refused" ]; then
        sort -u "$scratch/refused"
        exit 1
    fi
    echo "nothing to refuse"
}
