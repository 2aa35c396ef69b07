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
    /* Of the front that speaks IPP; the engine itself behaves. */
    HANGS_UP,     /* after some bytes of a job */
    KEEPS_STUMPS, /* of jobs that broke off, and is busy until they are cancelled; hangs up once as above */
    RESTARTS,     /* as soon as it has taken a job: prints it, and has forgotten it */
    ABORTS,       /* takes each job, and gives it up */
    OTHER_DPI,
    NO_RASTER,
    GRAY_ONLY,
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

/* Somebody put in paper and closed the head. */
NONNULL(1) void engine_mend(struct engine *engine);
