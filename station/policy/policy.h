/* policy.h -- whether a drawn password satisfies its policy on this unit, today.
 *
 * Pure: no clock, no file, no state. The closed set of rule kinds lives here; which of them apply, with what numbers,
 * is data (jigs/policy.h). The answer names the first rule that was broken, never where in the password.
 *
 * Owner    everything is borrowed for the call
 * Threads  any
 * Secrets  reads the password in place and makes no copy
 * Layer    station/policy/ may include base/ and jigs/
 * Spec     NIST SP 800-63B-4, UK SI 2023/1007 Sch. 1 para 1, ETSI EN 303 645 5.1-2
 */
#pragma once

#include "base/secret.h"
#include "jigs/product.h"

/* What a person could guess about the unit from its outside; every text may be "" where there is none. */
struct password_context {
    const char *serial;
    uint64_t mac; /* first of the block */
    unsigned mac_count;
    const char *model;
    const char *ssid;
    const char *date; /* "2026-11-23", the day of making */
    const char (*blocklist)[33];
    size_t blocklist_count;
    const struct known_default *known_defaults;
    size_t known_default_count;
};

enum password_rule {
    PASSWORD_ADMITTED, /* every rule of the policy holds */
    PASSWORD_LENGTH,
    PASSWORD_ALPHABET,
    PASSWORD_DIGITS,
    PASSWORD_LETTERS,
    PASSWORD_UPPER,
    PASSWORD_LOWER,
    PASSWORD_SERIAL,
    PASSWORD_MAC,
    PASSWORD_MODEL,
    PASSWORD_SSID,
    PASSWORD_DATE,
    PASSWORD_RUN,
    PASSWORD_SEQUENCE,
    PASSWORD_BLOCKLIST,
    PASSWORD_KNOWN_DEFAULT,
};

/* The first rule, in the order above, that the password breaks. Texts are compared without regard to case. */
NODISCARD NONNULL(1, 2, 3) enum password_rule
    password_judge(const struct password_policy *policy, const struct password_context *context,
                   const struct secret *password);

NODISCARD NONNULL(1, 2, 3) bool password_admits(const struct password_policy *policy,
                                                const struct password_context *context, const struct secret *password);
