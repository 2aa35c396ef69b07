/* authority.h -- the certificates of a ceremony: root, issuing CA, station, checkpoint, recovery.
 *
 * Owner    the caller owns what it gets
 * Threads  as the token's
 * Secrets  the root's PIN passes through
 * Layer    hsm/, inside the room only
 * Spec     RFC 5280
 */
#pragma once

#include "hsm/ceremony.h"
#include "hsm/key.h"

struct authority_row {
    const char *label;
    const char *common_name;
    const char *basic_constraints;
    const char *key_usage;
    const char *extended_key_usage; /* NULL: none */
    unsigned years;
};

struct authority {
    struct token *token; /* the root's, and the source of serial numbers */
    const struct key *key;
    const struct secret *pin;
    X509 *root; /* NULL while the root certifies itself */
};

/* Faults: CRYPTO, CERTIFICATE_REFUSED, HSM_PIN, HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4, 5,
                  6) bool authority_certify(const struct authority *authority, const struct authority_row *row,
                                            const struct ceremony_names *names, const uint8_t point[POINT_SIZE],
                                            X509 **ret_certificate, struct fault *fault);
