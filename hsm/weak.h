/* weak.h -- public keys whose private half everybody knows.
 *
 * A unit that shows one has a broken generator or runs a sample program: it proves possession of the key, and so can
 * anybody else. The list holds the private keys 1 to 1000, the largest 1000, and those that standards print as
 * examples. The factors of an RSA modulus can betray a bad generator (ROCA); a point on P-256 betrays nothing, so
 * beyond a list only the record can tell: it refuses a key that was ever seen before.
 *
 * Owner    the list is made once and kept
 * Threads  any
 * Secrets  none: what is listed is printed in standards
 * Layer    hsm/, inside the room only
 * Spec     RFC 6979 A.2.5, RFC 5903 8.1, RFC 9500 2.3
 */
#pragma once

#include "hsm/crypto.h"

/* The point lies on the curve. Faults: CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool weak_key(const uint8_t point[POINT_SIZE], bool *ret_weak, struct fault *fault);
