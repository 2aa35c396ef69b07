/* front.h -- the stand-in as an IPP printer: jobs with numbers and states in front of the same engine and paper.
 *
 * Owner    the caller frees the front, and the engine after it
 * Threads  one
 * Secrets  what comes in shows passwords, and is wiped
 * Layer    station/label/stand_in/
 * Spec     RFC 8011, as far as a label needs it
 */
#pragma once

#include "station/label/stand_in/engine.h"

#define FRONT_UUID "urn:uuid:6b6f6b75-696e-4c61-8265-6c7072696e74"

struct front;

/* `count` is the number of bytes for KEEPS_STUMPS. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 5, 6) bool front_new(struct engine *engine, enum misbehaviour misbehaviour, unsigned count,
                                          unsigned dpi, struct front **ret_front, struct fault *fault);
void front_free(struct front *front);
DEFINE_CLEANUP(struct front *, front_free)

/* As engine_obey(), for one whole request. A fault hangs up. */
NODISCARD NONNULL(1, 2, 3, 4) bool front_obey(struct front *front, struct wiped *input, struct wiped *output,
                                              struct fault *fault);
/* The client hung up; this is what it had said of a next request. */
NONNULL(1, 2) void front_cut(struct front *front, const struct wiped *input);
NONNULL(1) void front_mend(struct front *front);
