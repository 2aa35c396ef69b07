/* watch.h -- how long a slot worker may be silent: a token, a library or a unit that never answers must not hold a slot
 * without a word. Pure logic: the supervisor asks, ends the worker that is overdue, and shows its slot on hold.
 *
 * Owner    values
 * Threads  one
 * Secrets  none
 * Layer    station/line/
 */
#pragma once

#include "base/clock.h"
#include "station/line/messages.h"

struct watch {
    bool on; /* false: a person or a unit is waited for, and that has no end */
    struct deadline until;
};

/* A worker was just started: it opens its rooms, and then says so. */
NODISCARD struct watch watch_start(void);

/* It has said this. A worker that was told to end must go on to do so, whatever it shows. */
NODISCARD NONNULL(1) struct watch watch_state(const struct slot_message *state, bool ending);

/* It was handed a scan, which it must answer. */
NODISCARD struct watch watch_scan(void);

/* It has answered the scan: a right label is recorded and the unit closed, a wrong one is waited for anew. */
NODISCARD struct watch watch_answer(uint32_t fault);

NODISCARD NONNULL(1) bool watch_is_overdue(const struct watch *watch);
