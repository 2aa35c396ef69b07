/* record.h -- ceremony.json: what was made, what the tokens say of it, what the tests showed.
 *
 * Owner    the caller frees the text with free()
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/place.h"

#define RECORD_FILE "ceremony.json"

/* `carried`: the fingerprint key came to its tokens wrapped. Faults: CRYPTO, HSM_CALL, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 5) bool record_write(const struct ceremony_names *names, const struct places *places,
                                                bool carried, char **ret_text, struct fault *fault);
