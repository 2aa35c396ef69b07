/* clock.h -- deadlines on the monotonic clock, and the wall time for records.
 *
 * A wait never takes a duration: it takes the deadline of the whole step, so that many short waits cannot add up.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

struct deadline {
    int64_t at_ns; /* on CLOCK_MONOTONIC */
};

NODISCARD struct deadline deadline_in_ms(unsigned milliseconds);
NODISCARD bool deadline_passed(struct deadline deadline);

/* What poll(2) takes: milliseconds left, rounded up; 0 when it has passed. */
NODISCARD int deadline_left_ms(struct deadline deadline);

/* The sooner of the two. */
NODISCARD struct deadline deadline_sooner(struct deadline a, struct deadline b);

/* Nanoseconds on the monotonic clock, for measuring. */
NODISCARD int64_t clock_monotonic_ns(void);

#define CLOCK_TEXT_SIZE 28

/* UTC as "2026-11-23T19:45:00.123456Z" (RFC 3339). */
void clock_wall_text(char ret_text[CLOCK_TEXT_SIZE]);
