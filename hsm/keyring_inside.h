/* keyring_inside.h -- the parts of opening a place of a keyring that can be asked for alone.
 *
 * Owner    values
 * Threads  as the token's
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/keyring.h"

#define KEYRING_CHECK_SIZE 8

/* Faults: FILE. */
NODISCARD NONNULL(1, 2, 3) bool keyring_read_check(const char *path, uint8_t ret_check[KEYRING_CHECK_SIZE],
                                                   struct fault *fault);

/* Faults: HSM_KEY_WRONG for another fingerprint key than the check value's, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3) bool keyring_check_fingerprint(struct token *token, const uint8_t check[KEYRING_CHECK_SIZE],
                                                          struct fault *fault);

/* True for what the same token opened afresh, or another one, may mend. */
NODISCARD NONNULL(1) bool keyring_is_away(const struct fault *fault);
