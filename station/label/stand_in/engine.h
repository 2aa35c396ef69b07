/* engine.h -- the stand-in printer's state: what waits in it, what is wrong with it, and what it says about both.
 *
 * As a real printer it takes jobs while it cannot print them, and prints them by itself as soon as it can.
 *
 * Owner    the caller frees the engine, and the paper after it
 * Threads  one
 * Secrets  what waits shows passwords, and is wiped
 * Layer    station/label/stand_in/
 */
#pragma once

#include "base/clock.h"
#include "station/label/stand_in/paper.h"
#include "station/label/wiped.h"

enum misbehaviour {
    BEHAVES,
    PAPER_OUT, /* after some labels */
    SILENT,    /* takes everything, answers nothing, prints nothing */
    SLOW,      /* three seconds to a label */
    PRINT_TWICE,
    HEAD_OPEN,
    RIBBON_OUT,
    CUTTER_STUCK,
    TOO_HOT,
    PAUSED, /* by its key: it says so, and goes on taking jobs */
};

struct engine;

/* `labels_left` counts for PAPER_OUT only. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 4, 5) bool engine_new(struct paper *paper, enum misbehaviour misbehaviour, unsigned labels_left,
                                           struct engine **ret_engine, struct fault *fault);
void engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free)

/* Takes the first whole command out of what came in, and appends the answer to it.
 *
 * False when there is none yet, or, with the fault set, when what came in can never become one.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool engine_obey(struct engine *engine, struct wiped *input, struct wiped *output,
                                               struct fault *fault);

/* Milliseconds until engine_turn() has something to do; -1 for never. */
NODISCARD NONNULL(1) int engine_wait_ms(const struct engine *engine);

/* Prints what is due. Faults: those of paper_print(). */
NODISCARD NONNULL(1, 2) bool engine_turn(struct engine *engine, struct fault *fault);

/* Somebody put in paper and closed the head. */
NONNULL(1) void engine_mend(struct engine *engine);
