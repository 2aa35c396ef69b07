/* uuid.h -- time-ordered identifiers for requests that may be repeated (RFC 9562, version 7).
 *
 * Owner    values
 * Threads  any
 * Secrets  none: a UUID is never a secret and never the source of one
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

#define UUID_TEXT_SIZE 37

struct uuid {
    uint8_t bytes[16];
};

/* Faults: RANDOM. */
NODISCARD NONNULL(1, 2) bool uuid_make(struct uuid *ret_uuid, struct fault *fault);

/* "0193..." in the usual five groups, lower case. */
void uuid_text(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]);

/* Faults: BAD_BYTES. */
NODISCARD NONNULL(1, 2, 3) bool uuid_parse(const char *text, struct uuid *ret_uuid, struct fault *fault);

/* Bytes from the operating system's generator, for identifiers. Passwords come from the token only.
 *
 * Faults: RANDOM.
 */
NODISCARD NONNULL(1, 3) bool system_random(void *ret_bytes, size_t size, struct fault *fault);
