/* wrapped_key_trial.h -- the unit's side of hsm/wrapped_key.h in software, for throw-away keys of a trial.
 *
 * Owner    values
 * Threads  any
 * Secrets  the throw-away key's, in `struct secret`
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/crypto.h"
#include "hsm/wrapped_key.h"

/* True in `ret_whole` when `own` opens the key and finds the private half of its point. Faults: NO_MEMORY, CRYPTO. */
NODISCARD NONNULL(1, 2, 3, 4) bool wrapped_key_try(EVP_PKEY *own, const struct wrapped_key *key, bool *ret_whole,
                                                   struct fault *fault);
