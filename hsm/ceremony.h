/* ceremony.h -- the keys of a plant, made once, on the tokens named.
 *
 * Every attribute is set explicitly, read back, and not believed: the ceremony tries to wrap each new private or
 * secret key out of its token and fails if that works. It never overwrites or reuses a key.
 *
 * Owner    the caller owns the tokens
 * Threads  one
 * Secrets  none leave the tokens
 * Layer    hsm/
 */
#pragma once

#include "hsm/token.h"

struct ceremony_tokens {
    struct token *root;
    struct token *production;
    struct token *recovery;
    struct token *spare; /* NULL: none */
};

struct ceremony_names {
    const char *organization;
    const char *country;
    unsigned root_years, issuing_years, station_years;
    const char *output; /* directory: root.pem, issuing.pem, station.pem, recovery.pem, spare.pem, ceremony.json */
};

/* Faults: HSM_KEY_EXISTS, HSM_KEY_LEAVES, HSM_KEY_WRONG, HSM_CALL, CRYPTO, FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool ceremony_perform(const struct ceremony_tokens *tokens,
                                                 const struct ceremony_names *names, struct fault *fault);
