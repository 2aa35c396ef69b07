/* inside.h -- a token as the rest of this room sees it.
 *
 * Owner    token.c makes and frees it
 * Threads  one token belongs to one thread
 * Secrets  two random bytes, in secret memory, for the health tests
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/call.h"
#include "hsm/token.h"

#define TOKEN_SERIAL_SIZE 16

struct token {
    struct call_session session;
    char label[33];
    uint8_t serial[TOKEN_SERIAL_SIZE]; /* as the token reports it, padded with blanks */
    struct secret *health; /* a struct health: it remembers random bytes */
};

/* Fills the bytes from the token's generator, in pieces no larger than the token takes, through the health tests of
 * hsm/health.h. Nothing in this room asks the generator another way. On false the bytes are zero; after HSM_RANDOM
 * each later call is HSM_RANDOM too, until the token is opened afresh.
 *
 * Faults: HSM_CALL, HSM_RANDOM.
 */
NODISCARD NONNULL(1, 2, 4) bool token_draw(struct token *token, uint8_t *ret_bytes, size_t size, struct fault *fault);
