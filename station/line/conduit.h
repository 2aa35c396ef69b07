/* conduit.h -- one label from a slot worker to a printer worker, over a socket pair that nobody else reads.
 *
 * Owner    the caller owns the descriptors and the bitmap
 * Threads  each end belongs to one thread
 * Secrets  the bitmap shows the label's passwords: it exists in the two workers' wiped memory and, in passing, in the
 *          kernel's socket buffer
 * Layer    station/line/
 */
#pragma once

#include "base/clock.h"
#include "schema/store.h"
#include "station/label/bitmap.h"
#include "station/line/messages.h"

/* Slot's end: sends the label and waits for its outcome. Once it is sent whole, every doubt is PRINTER_UNKNOWN; before
 * that nothing can have been printed.
 *
 * Faults: what the printer worker answers; PRINTER_AWAY, PRINTER_UNKNOWN.
 */
NODISCARD NONNULL(2, 3, 5, 6) bool conduit_print(int conduit, const char *label, const struct label_bitmap *bitmap,
                                                 struct deadline deadline, enum store_print_level *ret_level,
                                                 struct fault *fault);

/* Printer's end: takes one whole label. Faults: CHANNEL, TIMED_OUT, BAD_BYTES, SECRET_MEMORY. */
NODISCARD NONNULL(2, 3, 5) bool conduit_take(int conduit, struct print_job *ret_job, struct label_bitmap **ret_bitmap,
                                             struct deadline deadline, struct fault *fault);

/* Printer's end: whether the slot still waits for this label. One that has given up says PRINTER_UNKNOWN to its
 * operator: what comes out after that is a label too many. Faults: CHANNEL. */
NODISCARD NONNULL(2) bool conduit_is_heard(int conduit, struct fault *fault);

/* Printer's end: `why` is NULL when it was printed as far as `level` can tell. Faults: CHANNEL, TIMED_OUT. */
NODISCARD NONNULL(4) bool conduit_answer(int conduit, enum store_print_level level, const struct fault *why,
                                         struct fault *fault);
