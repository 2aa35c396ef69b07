/* routing.h -- to which slot a scan belongs.
 *
 * A shared scanner reads a label and then, within ROUTE_PAIR_MS, the tag of the slot; a scanner with a slot of its own
 * reads the label only. The card "reprint" stands before a label, and the card "rekey" before a tag: the label itself
 * is missing, so the tag is asked for even where the scanner has a slot of its own. Pure logic: the supervisor asks,
 * and does what it is told.
 *
 * Owner    values
 * Threads  one
 * Secrets  none
 * Layer    station/line/
 */
#pragma once

#include "base/clock.h"
#include "jigs/jig.h"
#include "station/line/messages.h"

#define ROUTE_PAIR_MS 15000

/* What the supervisor knows of each slot, by its index in the jig. */
struct route_slot {
    enum slot_view view;
    char serial[SERIAL_SIZE];  /* of the unit in it; "" while there is none or it has none yet */
    char scanned[SERIAL_SIZE]; /* of the label that was handed to it last */
};

struct route_pending {
    bool waiting; /* something was scanned that does not stand alone */
    struct deadline until;
    enum slot_wish wish;
    bool labelled; /* `label` was scanned, its slot's tag is to come; else a card, and what it speaks of is to come */
    struct scan_message label;
};

struct routing {
    const struct jig *jig;
    struct route_slot slots[JIG_SLOTS_MAX];
    struct route_pending pending[JIG_SCANNERS_MAX];
};

enum route_kind {
    ROUTE_TO_SLOT,  /* hand `label`, with `wish`, to the slot at `slot_index`, which answers */
    ROUTE_WAIT,     /* wait for the slot's tag, or for what the card speaks of */
    ROUTE_OPERATOR, /* `badge` works here from now on */
    ROUTE_PAUSE,
    ROUTE_RESUME,
    ROUTE_ANSWER, /* answer at once with `fault` */
};

struct route {
    enum route_kind kind;
    size_t slot_index;
    enum slot_wish wish;
    struct scan_message label;
    enum fault_code fault;
};

/* `scan->scanner` must be an index of the jig. */
NODISCARD NONNULL(1, 2) struct route route_scan(struct routing *routing, const struct scan_message *scan);

/* What to tell the operator of a scan that the slot answered so. The record knows that a label is another unit's; only
 * the line knows that this unit is in another slot now, which is what the operator needs to mend it: WRONG_SLOT. */
NODISCARD NONNULL(1) enum fault_code
    route_answer(const struct routing *routing, size_t slot_index, enum fault_code answered);

/* Forgets labels whose tag did not come: true, with the scanner, for each one. Ask until false. */
NODISCARD NONNULL(1, 2) bool route_expire(struct routing *routing, size_t *ret_scanner);

/* When route_expire() has something to do next; false when nothing waits. */
NODISCARD NONNULL(1, 2) bool route_deadline(const struct routing *routing, struct deadline *ret_deadline);
