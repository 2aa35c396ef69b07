/* crew.h -- the supervisor's workers: started by re-executing this program, buried when they end, started again.
 *
 * Owner    the caller owns the members; crew_dismiss() ends what still runs
 * Threads  the main thread (a worker's life hangs on it)
 * Secrets  none
 * Layer    station/line/
 */
#pragma once

#include "base/clock.h"
#include "station/line/line.h"

#include <sys/types.h>

enum crew_kind { CREW_SLOT, CREW_PRINTER, CREW_SCANNER };

struct crew_member {
    enum crew_kind kind;
    unsigned index; /* in the jig */
    pid_t pid;      /* 0: not running */
    int channel;    /* -1: none */
    bool waiting;   /* to be started at `again` */
    struct deadline again;
    int64_t started_ns;
    bool ended_well; /* with exit code 0 */
    unsigned deaths; /* in a row, each soon after its start */
};

/* `refusals` is the memory that slot workers share. Faults: SYSTEM, USAGE. */
NODISCARD NONNULL(1, 2, 4) bool crew_start(struct crew_member *member, const struct worker_options *options,
                                           int refusals, struct fault *fault);

/* Whether the member's process has ended; then it is buried and its channel closed. */
NODISCARD NONNULL(1) bool crew_has_ended(struct crew_member *member);

/* Has it started again: at once, or after a pause that doubles with each early death, up to 30 s. */
NONNULL(1) void crew_start_later(struct crew_member *member, bool at_once);

/* Ends a worker that still runs and waits for it. */
NONNULL(1) void crew_dismiss(struct crew_member *member, int signal_number);
