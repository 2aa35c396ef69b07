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
    JAMMED, /* an error that has no number of its own */
    /* When some bytes of a job have come (engine_strike()). */
    PAPER_OUT_AT,
    SILENT_AT, /* answers nothing from there on, and prints all the same */
    HANGS_UP,
    RESTARTS, /* as soon as it has taken a job: prints it, and has forgotten it; its counters begin again */
    /* Of the front that speaks IPP; the engine itself behaves. */
    KEEPS_STUMPS, /* of jobs that broke off, and is busy until they are cancelled; hangs up once as above */
    ABORTS,       /* takes each job, and gives it up */
    OTHER_DPI,
    NO_RASTER,
    GRAY_ONLY,
};

struct engine;

/* `count` is the number of labels for PAPER_OUT, and of bytes for those of engine_strike(). Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 4, 5) bool engine_new(struct paper *paper, enum misbehaviour misbehaviour, unsigned count,
                                           struct engine **ret_engine, struct fault *fault);
void engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free)

/* Takes the first whole command out of what came in, and appends the answer to it.
 *
 * False when there is none yet, or, with the fault set, when what came in can never become one.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool engine_obey(struct engine *engine, struct wiped *input, struct wiped *output,
                                               struct fault *fault);

/* So many bytes of one job have come: something may happen here. Faults: BAD_BYTES to hang up. */
NODISCARD NONNULL(1, 3) bool engine_strike(struct engine *engine, size_t bytes, struct fault *fault);
/* Whether it still answers. */
NODISCARD NONNULL(1) bool engine_is_mute(const struct engine *engine);

/* Takes one job, which is the engine's then. What a silent printer takes is gone. Faults: BAD_BYTES when too many wait.
 */
NODISCARD NONNULL(1, 2, 3) bool engine_take(struct engine *engine, struct job *job, struct fault *fault);
/* Whether the job of that number is still in it; *ret_first: it is the one in hand. */
NODISCARD NONNULL(1, 3) bool engine_holds(const struct engine *engine, unsigned number, bool *ret_first);
NODISCARD NONNULL(1) size_t engine_waiting(const struct engine *engine);
/* Throws the job away; labels of it that are out stay out. */
NONNULL(1) void engine_cancel(struct engine *engine, unsigned number);

/* What is wrong with it now, or BEHAVES: out of paper only once it was noticed. */
NODISCARD NONNULL(1) enum misbehaviour engine_trouble(const struct engine *engine);

/* Milliseconds until engine_turn() has something to do; -1 for never. */
NODISCARD NONNULL(1) int engine_wait_ms(const struct engine *engine);

/* Prints what is due. Faults: those of paper_print(). */
NODISCARD NONNULL(1, 2) bool engine_turn(struct engine *engine, struct fault *fault);

/* Somebody took the label that hung at the peel-off bar. */
NONNULL(1) void engine_take_label(struct engine *engine);

/* Somebody put in paper and closed the head. */
NONNULL(1) void engine_mend(struct engine *engine);
