/* inside.h -- a token as the rest of this room sees it.
 *
 * Owner    token.c makes and frees it
 * Threads  one token belongs to one thread
 * Secrets  none are kept
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/call.h"
#include "hsm/token.h"

struct token {
    struct call_session session;
    bool initialized;
    char label[33];
};

/* True when a run of equal bytes is so long that a working generator gives it less than once in 2^64 bytes: the
 * repetition count test of NIST SP 800-90B, 4.4.1. */
NODISCARD NONNULL(1) bool random_is_stuck(const uint8_t *bytes, size_t size);
