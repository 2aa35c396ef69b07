/* supervisor.h -- what the supervisor knows, shared by its loop and by what it does with messages. Private to line/.
 *
 * Owner    line_run() owns it
 * Threads  one
 * Secrets  none
 * Layer    station/line/
 */
#pragma once

#include "jigs/jig.h"
#include "station/line/crew.h"
#include "station/line/report.h"
#include "station/line/routing.h"
#include "station/line/watch.h"

#define CREW_MAX (JIG_SLOTS_MAX + JIG_PRINTERS_MAX + JIG_SCANNERS_MAX)

struct supervisor {
    const struct line_options *options;
    struct jig *jig;
    struct report report;
    int lock;
    int signals;
    int refusals; /* what slot workers remember of PINs */
    /* slots first, then printers, then scanners, each in the jig's order */
    struct crew_member crew[CREW_MAX];
    size_t crew_count;
    struct slot_message slots[JIG_SLOTS_MAX]; /* the last state of each */
    bool heard[JIG_SLOTS_MAX];                /* since the worker was started */
    struct watch watch[JIG_SLOTS_MAX];
    bool stuck[JIG_SLOTS_MAX];        /* its worker was overdue and is ended; it stays so until a person says so */
    size_t scanner_of[JIG_SLOTS_MAX]; /* whose scan the slot is answering */
    struct routing routing;
    enum slot_token token; /* as shown: the worst of all slots, and the label of the token in use there */
    char token_label[33];
    char badge[33];
    bool opened; /* the first slot worker has opened its rooms, so the token took the PIN */
    bool ready;
    bool paused; /* by a card, or by a hold */
    bool stopping;
    bool hurried;     /* a second signal came */
    bool failed;      /* it never came up, or the token refused the PIN later */
    struct fault why; /* with `failed` */
};

/* messages.c: one message from a worker, or its answer to none. False when the worker's channel has ended. */
NODISCARD NONNULL(1, 2) bool supervisor_hear(struct supervisor *supervisor, struct crew_member *member);

NONNULL(1) void supervisor_order_all(struct supervisor *supervisor, enum slot_order_kind kind);
/* Before a slot worker that was just started sees its first unit: a paused station begins none. */
NONNULL(1) void supervisor_greet_slot(struct supervisor *supervisor, size_t slot_index);
NONNULL(1) void supervisor_forget_labels(struct supervisor *supervisor);

/* Shows how the tokens stand, where that has changed: the worst of all slots. */
NONNULL(1) void supervisor_show_token(struct supervisor *supervisor);

/* A slot whose worker ended by itself shows so until the next one speaks. */
NONNULL(1) void supervisor_show_death(struct supervisor *supervisor, size_t slot_index);

/* A slot whose worker was overdue is on hold, and the station with it. */
NONNULL(1) void supervisor_show_stuck(struct supervisor *supervisor, size_t slot_index);
