/* head.h -- the station's own memory of how far its chain of steps had come, beside the database.
 *
 * A database that was put back from a copy, or a standby that took over without the last commits, looks whole to
 * itself: it would hand out serials twice. The station notices, because it keeps the head of its chain in a file and
 * has the record follow from there.
 *
 * Owner    values; the file belongs to the station, all of whose slots share it
 * Threads  any, and any number of processes: the file is replaced whole, under a lock beside it
 * Secrets  none
 * Layer    station/flow/
 */
#pragma once

#include "schema/store.h"

/* Asks the record for the head of this station's chain, which must go on from the one in the file, and keeps it there.
 * A file that is not there yet begins with the head of today.
 *
 * Faults: RECORD_BEHIND; FILE when it cannot be read or kept, or is not one that head_follow() wrote; those of a
 * request.
 */
NODISCARD NONNULL(1, 2, 3) bool head_follow(const char *path, struct store *store, struct fault *fault);
