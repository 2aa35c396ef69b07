/* record.h -- ceremony.json: what was made, what the tokens say of it, what the tests showed.
 *
 * Owner    the caller frees the text with free()
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/ceremony.h"
#include "hsm/make.h"

struct record_entry {
    const struct made_key *made;
    const char *file; /* NULL: a key without a certificate */
    X509 *certificate;
};

/* Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool record_write(const struct ceremony_names *names,
                                                   const struct record_entry *entries, size_t count, char **ret_text,
                                                   size_t *ret_size, struct fault *fault);
