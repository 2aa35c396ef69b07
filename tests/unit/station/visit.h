/* visit.h -- one board's visit to the slot of a plant: flow_run() with this test as everything around it.
 *
 * Owner    the plant is opened and closed by the test
 * Threads  one
 * Secrets  as plant.h
 * Layer    tests/
 */
#pragma once

#include "station/flow/flow.h"
#include "tests/unit/station/plant.h"

extern struct plant plant;

/* What a slot worker would be to the flow, and what the test looks at. */
struct world {
    enum flow_step last;
    char label[17];
    char serial[SERIAL_SIZE];
    unsigned printed;
    unsigned scans;
    enum fault_code answers[4]; /* to each scan */
    /* what it is told to do */
    enum fault_code printer;    /* fails so instead of printing */
    bool printer_once;          /* and only once */
    unsigned wrong_scans;       /* scans of a label that is none of this unit's, before the right one */
    unsigned slot;              /* for the record; 0: 1 */
    const struct world *other;  /* whose label sits on this unit: it is scanned once, then the unit is taken out */
    const char *stray;          /* another label of this unit, scanned three times before the right one; NULL: none */
    bool taken_out;             /* the unit leaves the slot while the label waits */
    unsigned spoilt;            /* so many first scans say that the label is spoilt */
    bool missing;               /* the first scan says that it is missing */
    char first_label[17];       /* the one that was printed first */
    bool swapped;               /* another board sits in the slot when the label is scanned */
    enum flow_step token_dies;  /* the first token's server is killed when this step begins */
    enum flow_step tokens_die;  /* both servers are */
    enum flow_step record_lost; /* the record is put back to before this station's last step when this step begins */
    enum flow_step token_hangs; /* the first token's server is stopped */
};

/* The journey of the unit that sits in the slot. */
struct flow_result run(struct world *world);
/* The board is put in, and taken out again. */
struct flow_result visit(struct world *world, const char *board, const char *misbehave);

/* What a superuser does who puts a copy back: the last `steps` steps of the plant's only station are gone. */
void lose_steps(unsigned steps);

/* Each ends the test when it was otherwise. */
void expect_closed(const struct flow_result *result);
void expect_fault(const struct flow_result *result, enum flow_end end, enum fault_code code);
