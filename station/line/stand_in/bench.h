/* bench.h -- the stand-in operator's hands: text lines to the bench's control socket.
 *
 * Owner    the caller closes the bench
 * Threads  one
 * Secrets  none
 * Layer    station/line/stand_in/
 */
#pragma once

#include "base/clock.h"

struct bench {
    int socket; /* -1: not connected */
};

/* Faults: FILE. */
NODISCARD NONNULL(1, 2, 3) bool bench_open(const char *path, struct bench *ret_bench, struct fault *fault);
void bench_close(struct bench *bench);

/* Sends one line and reads up to its answer; events in between are told on standard error and passed over.
 *
 * Faults: CHANNEL when the bench is gone, TIMED_OUT, USAGE with the bench's own words when it answers "error".
 */
NODISCARD NONNULL(1, 2, 3)
    PRINTF(3, 4) bool bench_do(struct bench *bench, struct fault *fault, const char *format, ...);
