# private.sh -- a plant of a test's own, so that it runs beside the demo: the demo's functions in another directory, and
# what is asked of refusals. Sourced after `plant=NAME`; the plant lies in build/NAME and is removed at the end.
#
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
here=$top/jigs/demo
demo=$top/build/$plant
programs=${KOKUIN_PROGRAMS:-$top/build/release/bin}
# shellcheck source=jigs/demo/plant.sh
. "$here/plant.sh"

deadline_s=60

start_private_plant() {
    take_checkout
    start_plant
    trap end_private_plant EXIT
}

# What a failure left is kept, to look at.
end_private_plant() {
    local status=$?
    trap - EXIT INT TERM
    end_line
    stop_record
    [ "$status" != 0 ] || rm -rf "$demo" "$demo.lock"
    exit "$status"
}

query() { psql --no-psqlrc -AtX -v ON_ERROR_STOP=1 -d "$record_admin" -c "$1"; }

# expect_rows N SQL
expect_rows() {
    local found
    found=$(query "$2")
    [ "$found" = "$1" ] || fail 1 "not $1 but $found: $2"
}

# of_fault NUMBER FIELD: a field of base/fault.def, as the program knows it.
of_fault() { "$programs/kokuin" fault show "$1" --json | jq -er ".$2"; }

# What is refused names its number, and says in one line each what happened, what is unchanged and what to do.
says_fault() {
    local number=$1 said=$2 what=$3
    grep -qF -- "($number $(of_fault "$number" name))" <<<"$said" || fail 1 "$what: does not name fault $number: $said"
    grep -q '^  unchanged: .' <<<"$said" || fail 1 "$what: does not say what is unchanged: $said"
    if [ "$number" = 100 ]; then
        grep -q '^  to do: kokuin .*--help$' <<<"$said" || fail 1 "$what: does not say what to do: $said"
    else
        grep -qxF -- "  meaning: $(of_fault "$number" title)" <<<"$said" || fail 1 "$what: does not say what happened: $said"
        grep -qxF -- "  to do: $(of_fault "$number" todo)" <<<"$said" || fail 1 "$what: does not say what to do: $said"
    fi
    [ "$(grep -c '^kokuin: ' <<<"$said")" = 1 ] || fail 1 "$what: is not refused once: $said"
}

# refused EXIT NUMBER WORDS COMMAND...: ends with EXIT and that fault, which says WORDS; prints no result.
refused() {
    local exit=$1 number=$2 words=$3 status=0 said
    shift 3
    said=$(timeout "$deadline_s" "$@" 2>&1 >"$demo/refused.out" 9>&-) || status=$?
    [ "$status" = "$exit" ] || fail 1 "$*: exit $status, not $exit: $said"
    [ ! -s "$demo/refused.out" ] || fail 1 "$*: was refused and still printed: $(head -n 3 "$demo/refused.out")"
    [ "$(of_fault "$number" exit)" = "$exit" ] || fail 1 "fault $number has another exit code than $exit"
    says_fault "$number" "$said" "$*"
    grep -qF -- "$words" <<<"$said" || fail 1 "$*: '$words' is not in: $said"
}

# With the processes that serve the connections there are.
end_token() {
    local connections
    connections=$(for pid in "$demo"/token/production*.pid; do pgrep -P "$(cat "$pid")" || true; done)
    "$top/hsm/tools/private-token" halt "$demo/token"
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$connections" ] || kill $connections 2>/dev/null || true
}

# The real module behind OpenSC's spy, which writes down each call.
serve_spied_token() {
    local spy
    for spy in /usr/lib/*/pkcs11-spy.so; do break; done
    [ -r "$spy" ] || fail 1 "pkcs11-spy.so is not installed (Debian: opensc-pkcs11)"
    end_token
    PKCS11SPY=$KOKUIN_TOKEN_MODULE PKCS11SPY_OUTPUT=$demo/spy.log p11-kit server --name "$KOKUIN_TOKEN_SOCKET" \
        --provider "$spy" pkcs11:token=production 9>&- 2>>"$demo/log/token.log" |
        sed -n 's/^P11_KIT_SERVER_PID=\([0-9]*\);.*/\1/p' >"$demo/token/production.pid"
    [ -s "$demo/token/production.pid" ] || fail 1 "the watched token server did not start"
}

log_ins() { grep -c ': C_Login$' "$demo/spy.log" || true; }
