/* world.h -- a slot worker as the flow sees it, told what to do by a test, and one slot's visits by boards.
 *
 * Owner    values; `plant` is opened and closed by the test
 * Threads  one
 * Secrets  those of the plant
 * Layer    tests/
 */
#pragma once

#include "station/flow/flow.h"
#include "tests/unit/station/plant.h"

extern struct plant plant;
/* `kokuin station render`, as a program starts it. */
extern const struct label_child world_render;

/* What a slot worker would be to the flow, and what the test looks at. */
struct world {
    enum flow_step last;
    char label[17];
    char serial[SERIAL_SIZE];
    unsigned printed;
    unsigned scans;
    enum fault_code answers[4]; /* to each scan */
    /* what it is told to do */
    unsigned slot;             /* for the record; 0: 1 */
    enum fault_code printer;   /* fails so instead of printing */
    unsigned wrong_scans;      /* scans of a label that is none of this unit's, before the right one */
    const struct world *other; /* whose label sits on this unit: it is scanned once, and then the unit is taken out */
    const char *stray;         /* another label of this unit, scanned three times before the right one; NULL: none */
    bool taken_out;            /* the unit leaves the slot while the label waits */
    bool swapped;              /* another board sits in the slot when the label is scanned */
    enum flow_step token_dies; /* when this step begins */
};

/* One journey of the unit that sits in the slot. */
NODISCARD NONNULL(1) struct flow_result world_run(struct world *world);
/* One visit of a board to the slot. */
NODISCARD NONNULL(1, 2) struct flow_result world_visit(struct world *world, const char *board, const char *misbehave);

/* Each ends the test when it does not hold. */
NONNULL(1) void expect_closed(const struct flow_result *result);
NONNULL(1) void expect_fault(const struct flow_result *result, enum flow_end end, enum fault_code code);

/* How many attempts the record has as closed. */
NODISCARD long closed(void);
