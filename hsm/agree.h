/* agree.h -- the secret that a key in the token shares with the owner of a point, brought out of the token.
 *
 * Owner    the caller's buffer, which is secret memory
 * Threads  as the token's
 * Secrets  the shared secret; the token's object of it is destroyed at once
 * Layer    hsm/, inside the room only
 * Spec     PKCS#11 v2.40 CKM_ECDH1_DERIVE with CKD_NULL
 */
#pragma once

#include "hsm/crypto.h"
#include "hsm/inside.h"

#define AGREE_SHARED_SIZE 32

/* The point must be on the curve. Faults: HSM_CALL with the token's own answer as `native`, or 0 when it keeps the
 * secret to itself.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool agree_outside(struct token *token, CK_OBJECT_HANDLE key,
                                                 const uint8_t point[POINT_SIZE], uint8_t ret_shared[AGREE_SHARED_SIZE],
                                                 struct fault *fault);
