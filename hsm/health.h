/* health.h -- the continuous health tests of a random number generator, over the bytes that a token returns.
 *
 * One sample is one byte. A token gives conditioned output, so each byte claims H = 8 bits of min-entropy. With a false
 * alarm rate of alpha = 2^-30:
 *
 *   repetition count (4.4.1)     fails at C = 1 + ceil(30 / 8) = 5 equal bytes in a row
 *   adaptive proportion (4.4.2)  fails at C = 1 + critbinom(512, 2^-8, 1 - 2^-30) = 16 bytes in a window of W = 512
 *                                that equal its first
 *   start-up (4.3)               1024 bytes pass both before the first byte is used; they are thrown away
 *
 * A good generator repeats one byte five times in a row once in 2^32 bytes. What failed stays failed: nothing that
 * comes later makes the earlier bytes good. Output that is predictable but looks even passes: these tests find a
 * generator that broke, not one that was built to deceive.
 *
 * Owner    the caller; the state is a value and is fed all bytes in the order they came
 * Threads  any, one for each state
 * Secrets  the state holds two of the bytes: keep it where the bytes themselves may be
 * Layer    hsm/, inside the room only
 * Spec     NIST SP 800-90B (January 2018), 4.3 and 4.4
 */
#pragma once

#include "base/compiler.h"

#define HEALTH_REPETITION_CUTOFF 5
#define HEALTH_WINDOW 512
#define HEALTH_PROPORTION_CUTOFF 16
#define HEALTH_START_UP 1024

enum health_verdict { HEALTH_GOOD, HEALTH_REPEATS, HEALTH_UNEVEN };

struct health {
    uint32_t repeated; /* how often the latest byte came in a row; 0 before the first byte */
    uint32_t seen;     /* bytes of this window */
    uint32_t equal;    /* bytes of this window that equal its first */
    uint8_t latest;
    uint8_t first;
    bool started; /* the start-up bytes passed: set by whoever draws them */
    enum health_verdict verdict;
};

/* A zeroed state is a new one. Gives the verdict on everything fed so far. */
NODISCARD NONNULL(1, 2) enum health_verdict health_feed(struct health *health, const uint8_t *bytes, size_t size);

/* "the same byte 5 times in a row", for a fault's text. */
NODISCARD const char *health_words(enum health_verdict verdict);
