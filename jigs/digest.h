/* digest.h -- SHA-256, so that a record can name the exact bytes a unit was made under.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private; the only user of libcrypto in this room
 */
#pragma once

#include "jigs/policy.h"

/* Faults: NO_MEMORY, which is what a failing digest means here. */
NODISCARD NONNULL(1, 3, 4) bool digest_sha256(const uint8_t *bytes, size_t size, uint8_t ret_digest[SHA256_SIZE],
                                              struct fault *fault);
