/* attack.h -- trying to get a new key out of its token, and trying that it does its work.
 *
 * Owner    values
 * Threads  as the token's
 * Secrets  the shared secret of the trial lives in struct secret; a key that comes out is wiped at once
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/make.h"

/* Reads the key's value; wraps it with a key of ours by every mechanism that can wrap an extractable key here; agrees
 * on a secret with it where that is its use. Fills made->wrap and made->derive.
 *
 * Faults: HSM_KEY_LEAVES, HSM_KEY_WRONG, HSM_CALL, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2) bool attack_key(struct made_key *made, struct fault *fault);

#define ATTACK_MECHANISMS 4

/* The mechanisms by which it is tried to wrap a key out: "CKM_AES_KEY_WRAP". */
NODISCARD const char *attack_mechanism_name(size_t index);

/* Which of them let a key out that may leave. False: the token makes no such objects of a session. */
NODISCARD NONNULL(1, 2) bool attack_probe(struct token *token, bool ret_wraps[ATTACK_MECHANISMS]);
