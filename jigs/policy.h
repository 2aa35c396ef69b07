/* policy.h -- a password policy as data: what station/policy draws and checks against.
 *
 * Rule *kinds* are a closed set in code; which of them apply, with what numbers, is data with a version, a validity, a
 * review date, an approver and a hash. Every unit is stamped with the identifier, version and hash it was made under.
 *
 * Owner    values; read by jigs/read.h
 * Threads  any
 * Secrets  none
 * Layer    jigs/ may include base/ only
 * Spec     NIST SP 800-63B-4 (length and retry limit), ETSI EN 303 645 5.1-1 and 5.1-2, UK SI 2023/1007 Sch. 1 para 1
 */
#pragma once

#include "base/fault.h"

#define POLICY_ID_SIZE 33
#define POLICY_ALPHABET_SIZE 95
#define POLICY_LENGTH_MAX 63 /* a WPA passphrase's limit, the longest any product takes */
#define DATE_SIZE 11         /* "2026-11-23" */
#define SHA256_SIZE 32

/* What a password may not contain or be. Each is a bit of `forbid`. */
enum policy_forbid {
    POLICY_FORBID_SERIAL4 = 1 << 0,        /* four characters in a row of the serial */
    POLICY_FORBID_MAC4 = 1 << 1,           /* ... of any of the unit's MAC addresses */
    POLICY_FORBID_MODEL4 = 1 << 2,         /* ... of the model's name */
    POLICY_FORBID_SSID4 = 1 << 3,          /* ... of the SSID */
    POLICY_FORBID_DATE4 = 1 << 4,          /* today as YYYYMMDD, YYMMDD, DDMM, MMDD, YYYY */
    POLICY_FORBID_RUN3 = 1 << 5,           /* the same character three times in a row */
    POLICY_FORBID_SEQUENCE4 = 1 << 6,      /* four neighbours in a row, up or down: 4567, DCBA */
    POLICY_FORBID_BLOCKLIST = 1 << 7,      /* a word of the product's blocklist, whatever the case */
    POLICY_FORBID_KNOWN_DEFAULTS = 1 << 8, /* an entry of the known-defaults list */
};

struct password_policy {
    char id[POLICY_ID_SIZE]; /* "u32x16" */
    unsigned version;
    char alphabet[POLICY_ALPHABET_SIZE]; /* distinct printable ASCII characters */
    unsigned length;
    double minimum_entropy_bits; /* the floor after the rules below; checked against the alphabet when read */
    double entropy_bits;         /* what the rules leave at least: never below the floor */
    unsigned minimum_digits, minimum_letters, minimum_upper, minimum_lower;
    unsigned forbid; /* bits of enum policy_forbid */
    unsigned group;  /* characters per group on the label; 0: not grouped */
    bool needs_retry_limit;
    char valid_from[DATE_SIZE], valid_until[DATE_SIZE], review_by[DATE_SIZE];
    char approver[65];
    uint8_t sha256[SHA256_SIZE]; /* of the file's bytes */
};
