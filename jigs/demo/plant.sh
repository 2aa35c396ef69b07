# plant.sh -- the private plant of one demo run: record store, token, printer, mock machine, and what they leave behind.
#
# Sourced by run, and by tests of the line for a plant of their own. They set $here (this directory), $top (the
# checkout), $demo (the plant's directory) and $programs (where kokuin and its stand-ins were built).
# shellcheck shell=bash
# shellcheck disable=SC2154

say() { printf 'demo: %s\n' "$*" >&2; }

fail() {
    local status=$1
    shift
    say "$*"
    exit "$status"
}

# One run at a time in one checkout. A unix socket's path holds 107 bytes, and the database puts one below build/demo.
take_checkout() {
    [ "${#demo}" -le 70 ] || fail 2 "the checkout's path is too long for unix sockets (${#demo} of 70 characters): $demo"
    mkdir -p "$top/build"
    exec 9>"$demo.lock"
    flock -n 9 || fail 75 "another demo runs in this checkout; wait for it or end it. Nothing was changed."
}

children=()

# The record store stays up after a run that came to its end, so that one can look into it; everything else ends.
end_line() {
    local pid
    for pid in "${children[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    children=()
    "$top/hsm/tools/private-token" halt "$demo/token" >>"$demo/log/token.log" 2>&1 || true
}

stop_plant() {
    local status=$?
    trap - EXIT INT TERM
    end_line
    [ "$finished" = 1 ] || stop_record
    exit "$status"
}

stop_record() {
    "$top/schema/tools/private-postgres" stop "$demo/record" >/dev/null 2>&1 || true
}

# What an earlier run left up, killed or not, is known by its pid files.
clear_old_run() {
    [ -d "$demo" ] || return 0
    "$top/hsm/tools/private-token" halt "$demo/token" >/dev/null 2>&1 || true
    stop_record
    rm -rf "$demo"
}

kokuin() { "$programs/kokuin" "$@" 9>&-; }

# Runs one step with its output in a log of its own, and tells where to look when it fails.
step() {
    local log=$demo/log/$1.log
    shift
    "$@" >>"$log" 2>&1 9>&- || fail 1 "this failed: $* -- see ${log#"$top/"}"
}

start_record() {
    say "starting a private PostgreSQL"
    "$top/schema/tools/private-postgres" start "$demo/record" --name kokuin >"$demo/postgres.env" \
        2>>"$demo/log/postgres.log" 9>&- || fail 1 "PostgreSQL did not start; see build/demo/log/postgres.log"
    # shellcheck source=/dev/null
    . "$demo/postgres.env"
    record_admin="host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=$PGUSER"
    record_station="host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=kokuin_demo_station"
    record_auditor="host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=kokuin_demo_auditor"
    export KOKUIN_RECORD=$record_admin
    step schema kokuin schema migrate
    step schema kokuin schema grant station demo --login kokuin_demo_station --slots 4
    step schema kokuin schema grant auditor kokuin_demo_auditor
    step schema kokuin schema numbers serial --first 1 --count 100000
    # 02: a locally administered block, because no manufacturer's may be used for a demonstration (IEEE 802).
    step schema kokuin schema numbers mac --first 02:4b:4b:00:00:00 --count 65536
}

start_token() {
    say "making keys on a private SoftHSM"
    TOKEN_MAKE=$programs/token-make "$top/hsm/tools/private-token" start "$demo/token" root production production-2 recovery spare \
        >"$demo/token.env" 2>>"$demo/log/token.log" 9>&- || fail 1 "the token did not start; see build/demo/log/token.log"
    # shellcheck source=/dev/null
    . "$demo/token.env"
    write_ceremony >"$demo/ceremony.yaml"
    step ceremony kokuin hsm ceremony "$demo/ceremony.yaml"
}

# ZPL and well-behaved, unless a test sets printer_kind, printer_listen and printer_misbehave before.
start_printer() {
    say "starting the stand-in printer"
    mkfifo "$demo/printer.port"
    "$programs/kokuin-printer" --listen "${printer_listen:-tcp:127.0.0.1:0}" --dpi 300 --paper "$demo/labels" \
        ${printer_misbehave:+--misbehave "$printer_misbehave"} \
        >"$demo/printer.port" 2>>"$demo/log/printer.log" 9>&- &
    children+=($!)
    read -r _ printer_path <"$demo/printer.port"
    rm "$demo/printer.port"
}

start_plant() {
    clear_old_run
    finished=0
    umask 077
    mkdir -p "$demo"/{log,labels,certificates,ca,boards,state,keys}
    trap stop_plant EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    start_record
    start_token
    start_printer
    write_jig >"$demo/jig.yaml"
    cp "$demo/keys/root.pem" "$demo/ca/"
    cat "$demo"/keys/issuing-*.pem >"$demo/ca/issuing.pem"
}

# ---- the files of this plant, from the examples beside this one -----------------------------------------------------

write_ceremony() {
    sed -e "s|^\([ -]*\)module: .*|\1module: $KOKUIN_TOKEN_MODULE|" \
        -e "s|pin_file: secrets/|pin_file: token/pins/|" \
        -e "s|token=kokuin-|token=|" \
        -e "s|^output: .*|output: keys|" "$here/ceremony.yaml"
}

# Each production token is behind a server of its own, so that one can die without the other.
write_jig() {
    sed -e "s|^station: .*|station: demo|" \
        -e "s|module: unix:/run/kokuin/p11-kit-1.sock|module: unix:$demo/token/production.sock|" \
        -e "s|module: unix:/run/kokuin/p11-kit-2.sock|module: unix:$demo/token/production-2.sock|" \
        -e "s|pin_file: secrets/|pin_file: token/pins/|" \
        -e "s|token=kokuin-|token=|" \
        -e "s|: ca/|: keys/|" \
        -e "s|^record: .*|record: $record_station|" \
        -e "s|kind: zpl|kind: ${printer_kind:-zpl}|" \
        -e "s|path: tcp:.*|path: $printer_path|" \
        -e "s|- products/|- $here/products/|" "$here/jig.yaml"
}

# ---- one order on the line ------------------------------------------------------------------------------------------

# make_order NUMBER PRODUCT_FILE MODEL QUANTITY MISBEHAVIOUR: the station runs until the stand-in operator has seen all
# units closed, or has given up. Slots 1 and 2 are serial ports of the mock machine, 3 and 4 its USB ports, 5 the scanner.
make_order() {
    local number=$1 product=$2 model=$3 quantity=$4 wrong=$5
    say "order $number: $quantity x $model"
    step order kokuin order open "$number" --product "$product" --quantity "$quantity"
    mkdir -p "$demo/boards"
    "$programs/kokuin-bench" --umockdev --serial 1 --serial 2 --usb 3 --usb 4 --scanner 5 \
        --boards "$demo/boards" --root "$demo/ca/root.pem" --control "$demo/bench.sock" -- \
        "$here/line" "$programs" "$demo" "$number" "$model" "$quantity" "$wrong" \
        2> >(tee -a "$demo/log/bench.log" >&2) 9>&-
}

# ---- what is left to look at ----------------------------------------------------------------------------------------

# Certificates from the record, as PEM; the labels lie where the stand-in operator put them.
leave_certificates() {
    local serial der
    while IFS='|' read -r serial der; do
        { echo "-----BEGIN CERTIFICATE-----" && fold -w 64 <<<"$der" && echo "-----END CERTIFICATE-----"; } \
            >"$demo/certificates/$serial.pem"
    done < <(psql --no-psqlrc -AtX -v ON_ERROR_STOP=1 -d "$record_auditor" <"$here/certificates.sql")
}

leave_env() {
    cat >"$demo/env" <<END
# To look into the record of the last demo as an auditor, who may read everything but secrets:  . build/demo/env
export PGHOST='$PGHOST' PGPORT='$PGPORT' PGDATABASE='$PGDATABASE' PGUSER='kokuin_demo_auditor'
export KOKUIN_RECORD='$record_auditor'
export KOKUIN_JIG='$demo/jig.yaml'
export KOKUIN_PROGRAM='$programs/kokuin'
END
}

leave_results() {
    leave_certificates
    leave_env
    kokuin record summary --record "$record_auditor" >"$demo/summary.json"
    finished=1
}

show_results() {
    if [ "$1" = 1 ]; then
        cat "$demo/summary.json"
        return
    fi
    kokuin unit list --record "$record_auditor"
    echo
    kokuin record summary --record "$record_auditor" | jq -r '"closed \(.closed), failed \(.failed); labels: \(.labels.live) live, \(.labels.void) void; duplicates \(.duplicates); unaccounted numbers \(.unaccounted_numbers)"'
    cat <<END

labels        build/demo/labels/SERIAL.png
certificates  build/demo/certificates/SERIAL.pem, build/demo/ca/{root,issuing}.pem
record        . build/demo/env && psql -c 'SELECT * FROM prov.step'
one unit      . build/demo/env && build/release/bin/kokuin unit show SERIAL
              (the record store stays up; jigs/demo/run --stop ends it)
END
}

# A line without the stand-in operator: whoever watches puts units in and scans by the bench's control socket.
serve_plant() {
    step order kokuin order open served --product "$here/products/router.yaml" --quantity 100
    cat >&2 <<END
demo: the line is up; Control-C ends it. From another terminal, in this checkout:
  echo 'insert 1 0badcafe KR-1000' | socat - UNIX:build/demo/bench.sock      put a unit into slot 1
  echo 'scan 5 KOKUIN-SLOT-1' | socat - UNIX:build/demo/bench.sock           scan a slot's tag
END
    "$programs/kokuin-bench" --umockdev --serial 1 --serial 2 --usb 3 --usb 4 --scanner 5 \
        --boards "$demo/boards" --root "$demo/ca/root.pem" --control "$demo/bench.sock" -- \
        "$programs/kokuin" station run "$demo/jig.yaml" --order served --badge demo 2>>"$demo/log/served.log" 9>&-
}
