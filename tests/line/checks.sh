# checks.sh -- what every test of the whole line asks of what a demo run left behind.
#
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
demo=$top/build/demo

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# A fault of the line is not in the summary but in its logs.
tell_logs() {
    local log
    for log in "$demo"/log/*.log; do
        [ -s "$log" ] && printf '== %s\n' "${log##*/}" && tail -n 15 "$log"
    done >&2
}

# run_demo ARGUMENTS...: leaves the summary in $summary.
run_demo() {
    summary=$("$top/jigs/demo/run" --json "$@") || { tell_logs && fail "jigs/demo/run $*: exit $?"; }
    [ "$(jq -s length <<<"$summary")" = 1 ] || fail "--json printed something else than one object: $summary"
    printf '%s\n' "$summary"
}

# expect FILTER: a jq expression that must be true of the summary.
expect() {
    jq -e "$1" <<<"$summary" >/dev/null || { tell_logs && fail "the summary does not say $1"; }
}

# Serials of the closed units, as the auditor reads them.
closed_serials() {
    # shellcheck source=/dev/null
    (. "$demo/env" && psql --no-psqlrc -AtX -c "SELECT unit.serial FROM prov.unit JOIN prov.attempt USING (unit_id)
        WHERE attempt.state = 'closed' ORDER BY 1")
}

# The text after [3] OBJECT IDENTIFIER hwType in the SAN: RFC 4108's hwSerialNum is the OCTET STRING there.
san_serial() {
    openssl x509 -in "$1" -outform DER | openssl asn1parse -inform DER -strparse "$(openssl x509 -in "$1" -outform DER |
        openssl asn1parse -inform DER | awk '/X509v3 Subject Alternative Name/ { found = 1; next }
            found && /OCTET STRING/ { sub(":.*", ""); print $1; exit }')" |
        sed -n 's/.*OCTET STRING *:\([0-9A-Z]*\)$/\1/p'
}

subject_serial() {
    openssl x509 -in "$1" -noout -subject -nameopt multiline | sed -n 's/^ *serialNumber *= //p'
}

label_serial() {
    dmtxread -n -N 1 -m 2000 "$1" | tr -d '\035\350' | sed -n 's/^01[0-9]\{14\}21\([0-9A-Z]\{12\}\).*/\1/p' | head -n 1
}

# One unit: certificate, subject, SAN, record and label name the same serial.
check_unit() {
    local serial=$1 certificate=$demo/certificates/$1.pem label=$demo/labels/$1.png
    openssl verify -x509_strict -CAfile "$demo/ca/root.pem" -untrusted "$demo/ca/issuing.pem" "$certificate" >/dev/null ||
        fail "$serial: openssl does not verify its certificate"
    [ "$(subject_serial "$certificate")" = "$serial" ] || fail "$serial: the subject says '$(subject_serial "$certificate")'"
    [ "$(san_serial "$certificate")" = "$serial" ] || fail "$serial: the SAN says '$(san_serial "$certificate")'"
    [ "$(label_serial "$label")" = "$serial" ] || fail "$serial: its label says '$(label_serial "$label")'"
}

# check_units N: exactly N closed units, each of one piece, and no stray label or certificate.
check_units() {
    local serial count=0
    while read -r serial; do
        check_unit "$serial"
        count=$((count + 1))
    done < <(closed_serials)
    [ "$count" = "$1" ] || fail "the record has $count closed units, not $1"
    [ "$(find "$demo/certificates" -name '*.pem' | wc -l)" = "$1" ] || fail "certificates/ does not hold $1 files"
    [ "$(find "$demo/labels" -maxdepth 1 -name 'K*.png' | wc -l)" = "$1" ] || fail "labels/ does not hold $1 labels"
    printf '%d units: certificate, SAN, record and label name the same serial\n' "$count"
}

check_secrets() {
    "$top/tests/leak/search" "$demo"
}
