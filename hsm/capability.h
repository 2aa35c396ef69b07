/* capability.h -- what a token is and what it can do here, found by trying.
 *
 * Owner    values
 * Threads  as the token's
 * Secrets  random bytes that were only drawn to see how many come at once are wiped
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/attack.h"

struct capability {
    char label[33], serial[17], manufacturer[33], model[17], firmware[8];
    bool session_objects;
    bool wraps[ATTACK_MECHANISMS]; /* lets a key out that may leave, by attack_mechanism_name() */
    bool agrees;                   /* ECDH between P-256 keys, without a key derivation function */
    size_t random_max;             /* the largest of the requests tried that was filled */
};

#define CAPABILITY_RANDOM_MOST 65536 /* more is not tried */

/* Tries each on the token; nothing of it stays there. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 3) bool capability_probe(struct token *token, struct capability *ret_capability,
                                                 struct fault *fault);
