/* password.h -- a password drawn without bias, and its fingerprint.
 *
 * Owner    the caller frees the secrets
 * Threads  as the token's
 * Secrets  the password and the random bytes behind it; the fingerprint is an HMAC under a key that never leaves the
 *          token, so that uniqueness can be checked without keeping the password
 * Layer    hsm/
 */
#pragma once

#include "hsm/token.h"

#define FINGERPRINT_SIZE 32

/* Draws `length` characters, each equally likely, from the token's generator (bytes beyond the largest multiple of
 * the alphabet's size are thrown away). Rules that reject a whole password are the caller's (station/policy).
 *
 * Faults: HSM_CALL, HSM_RANDOM, NO_MEMORY, USAGE for an alphabet of fewer than 2 or more than 94 characters, with one
 * twice or one outside printable ASCII, and for a length of 0 or more than 128.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool password_draw(struct token *token, const char *alphabet, size_t length,
                                                 struct secret **ret_password, struct fault *fault);

/* HMAC-SHA-256 of the password under the token's "kokuin-fingerprint" key.
 *
 * Faults: HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG when the key is not protected, HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool password_fingerprint(struct token *token, const struct secret *password,
                                                        uint8_t ret_fingerprint[FINGERPRINT_SIZE], struct fault *fault);
