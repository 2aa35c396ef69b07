# hands.sh -- one station at the mock machine, and the hands and eyes of its operator, for tests that must do each thing
# in their own order. Sourced after private.sh; every unit is a KR-1000.
#
# shellcheck shell=bash

gtin=04912345000019
closed=0 # how many units this script saw closed

# ---- the station and what it says -----------------------------------------------------------------------------------

start_station() {
    exec {events}< <(exec "$programs/kokuin-bench" --umockdev --serial 1 --serial 2 --usb 3 --usb 4 --scanner 5 \
        --boards "$demo/boards" --root "$demo/ca/root.pem" --control "$demo/bench.sock" -- \
        "$programs/kokuin" station run "$demo/jig.yaml" --order "$1" --json 2>>"$demo/log/station.log" 9>&-)
    bench=$!
    children+=("$bench")
    await '.event == "ready"'
    coproc BENCH { exec socat STDIO "UNIX-CONNECT:$demo/bench.sock" 9>&-; }
    exec {from_bench}<&"${BENCH[0]}" {to_bench}>&"${BENCH[1]}"
}

# A bench hands SIGTERM on to the station, which finishes what it has begun.
stop_station() {
    exec {from_bench}<&- {to_bench}>&-
    kill -TERM "$bench"
    while read -r -t "$deadline_s" -u "$events" said; do :; done
    exec {events}<&-
    wait "$bench" || true
    children=("${children[0]}")
}

# await FILTER: the next thing that the station says of which it is true, in $said.
await() {
    while IFS= read -r -t "$deadline_s" -u "$events" said; do
        printf '%s\n' "$said" >>"$demo/log/events.log"
        ! jq -e "$1" <<<"$said" >/dev/null || return 0
    done
    fail 1 "line ${BASH_LINENO[0]}: the station did not say: $1"
}

field() { jq -r ".$1" <<<"$said"; }

# ---- hands ----------------------------------------------------------------------------------------------------------

# The bench answers each line; what it says of itself in between is not asked for.
bench_do() {
    local answer
    printf '%s\n' "$*" >&"$to_bench"
    while IFS= read -r -t "$deadline_s" -u "$from_bench" answer && [[ $answer == event* ]]; do :; done
    [ "$answer" = ok ] || fail 1 "line ${BASH_LINENO[0]}: bench: $*: $answer"
}

boards=0
tried=() # misbehaviours
put_in() { # SLOT [MISBEHAVIOUR]
    boards=$((boards + 1))
    tried+=(${2:+"$2"})
    board=$(printf '%08x' "$boards")
    bench_do insert "$1" "$board" KR-1000 ${2:+"$2"}
}

take_out() {
    bench_do remove "$1"
    await ".slot == $1 and .view == \"empty\""
}

code() { printf ']d201%s21%s\x1d91%s' "$gtin" "$1" "$2"; } # SERIAL LABEL
scan() { bench_do scan 5 "$1"; }
scan_at() { # SLOT CODE
    scan "$2"
    scan "KOKUIN-SLOT-$1"
}

# Leaves $serial and $label of the unit that waits for its scan.
await_label() {
    await ".slot == $1 and (.view | IN(\"label\", \"ng\", \"hold\"))"
    [ "$(field view)" = label ] || fail 1 "line ${BASH_LINENO[0]}: slot $1 asks for no label: $said"
    serial=$(field serial) label=$(field label)
}

await_closed() {
    await ".slot == $1 and .event == \"slot\" and (.view | IN(\"ok\", \"ng\", \"hold\"))"
    [ "$(field view)" = ok ] || fail 1 "line ${BASH_LINENO[0]}: slot $1 did not close: $said"
    closed=$((closed + 1))
}

# A good unit goes from blank to closed in this slot.
good_unit() {
    put_in "$1" "${2:-}"
    await_label "$1"
    scan_at "$1" "$(code "$serial" "$label")"
    await_closed "$1"
    take_out "$1"
}

# scan_refused NUMBER: the answer to a scan.
scan_refused() {
    await '.event == "scan" and .fault != 0'
    [ "$(field fault)" = "$1" ] || fail 1 "line ${BASH_LINENO[0]}: not $1: $said"
}

nothing_more_closed() {
    expect_rows "$closed" "SELECT count(*) FROM prov.attempt WHERE state = 'closed'"
}
