#include "station/line/routing.h"

#include <string.h>

static struct route answer(enum fault_code fault)
{
    return (struct route){.kind = ROUTE_ANSWER, .fault = fault};
}

static bool find_slot(const struct jig *jig, unsigned number, size_t *ret_index)
{
    for (size_t i = 0; i < jig->slot_count; i++) {
        if (jig->slots[i].number == number) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool somebody_waits(const struct routing *routing)
{
    for (size_t i = 0; i < routing->jig->slot_count; i++)
        if (routing->slots[i].view == SLOT_LABEL)
            return true;
    return false;
}

static struct route to_slot(struct routing *routing, unsigned number, enum slot_wish wish,
                            const struct scan_message *label)
{
    size_t index;
    if (!find_slot(routing->jig, number, &index))
        return answer(FAULT_SCAN_UNKNOWN);
    if (routing->slots[index].view != SLOT_LABEL)
        return answer(FAULT_SCAN_NOT_EXPECTED);
    memcpy(routing->slots[index].scanned, label->serial, sizeof label->serial);
    return (struct route){.kind = ROUTE_TO_SLOT, .slot_index = index, .wish = wish, .label = *label};
}

static struct route wait_for_more(struct routing *routing, size_t scanner, struct route_pending pending)
{
    if (!somebody_waits(routing))
        return answer(FAULT_SCAN_NOT_EXPECTED);
    pending.waiting = true;
    pending.until = deadline_in_ms(ROUTE_PAIR_MS);
    routing->pending[scanner] = pending;
    return (struct route){.kind = ROUTE_WAIT};
}

/* What waited at this scanner, which is forgotten; nothing when its time is over. */
static struct route_pending take_pending(struct routing *routing, size_t scanner)
{
    struct route_pending pending = routing->pending[scanner];
    routing->pending[scanner] = (struct route_pending){0};
    return pending.waiting && !deadline_passed(pending.until) ? pending : (struct route_pending){0};
}

static struct route take_card(struct routing *routing, const struct scan_message *scan, enum slot_wish wish)
{
    return wait_for_more(routing, scan->scanner, (struct route_pending){.wish = wish});
}

static struct route take_label(struct routing *routing, const struct scan_message *scan)
{
    struct route_pending card = take_pending(routing, scan->scanner);
    unsigned own = routing->jig->scanners[scan->scanner].slot;
    /* A card speaks of one label only; and a label that is scanned is not missing. */
    enum slot_wish wish = card.labelled ? SLOT_WISH_CLOSE : card.wish;
    if (wish == SLOT_WISH_REKEY)
        return answer(FAULT_SCAN_NOT_EXPECTED);
    if (own != 0)
        return to_slot(routing, own, wish, scan);
    return wait_for_more(routing, scan->scanner,
                         (struct route_pending){.wish = wish, .labelled = true, .label = *scan});
}

static struct route take_tag(struct routing *routing, const struct scan_message *scan)
{
    static const struct scan_message nothing;
    struct route_pending pending = take_pending(routing, scan->scanner);
    if (!pending.waiting || pending.labelled == (pending.wish == SLOT_WISH_REKEY))
        return answer(FAULT_SCAN_NOT_EXPECTED);
    return to_slot(routing, scan->slot, pending.wish, pending.labelled ? &pending.label : &nothing);
}

struct route route_scan(struct routing *routing, const struct scan_message *scan)
{
    if (scan->scanner >= routing->jig->scanner_count)
        return answer(FAULT_INTERNAL);
    switch ((enum scan_kind)scan->kind) {
    case SCAN_LABEL:
        return take_label(routing, scan);
    case SCAN_SLOT_TAG:
        return take_tag(routing, scan);
    case SCAN_BADGE:
        return (struct route){.kind = ROUTE_OPERATOR};
    case SCAN_PAUSE:
        return (struct route){.kind = ROUTE_PAUSE};
    case SCAN_RESUME:
        return (struct route){.kind = ROUTE_RESUME};
    case SCAN_REPRINT:
        return take_card(routing, scan, SLOT_WISH_VOID);
    case SCAN_REKEY:
        return take_card(routing, scan, SLOT_WISH_REKEY);
    case SCAN_REFUSED:
        return answer((enum fault_code)scan->fault);
    }
    return answer(FAULT_INTERNAL);
}

enum fault_code route_answer(const struct routing *routing, size_t slot_index, enum fault_code answered)
{
    const char *scanned = routing->slots[slot_index].scanned;
    if (answered != FAULT_SCAN_WRONG_UNIT || scanned[0] == '\0')
        return answered;
    for (size_t i = 0; i < routing->jig->slot_count; i++) {
        const struct route_slot *slot = &routing->slots[i];
        if (i != slot_index && slot->view != SLOT_EMPTY && strcmp(slot->serial, scanned) == 0)
            return FAULT_SCAN_WRONG_SLOT;
    }
    return answered;
}

bool route_expire(struct routing *routing, size_t *ret_scanner)
{
    for (size_t i = 0; i < routing->jig->scanner_count; i++) {
        if (!routing->pending[i].waiting || !deadline_passed(routing->pending[i].until))
            continue;
        routing->pending[i] = (struct route_pending){0};
        *ret_scanner = i;
        return true;
    }
    return false;
}

bool route_deadline(const struct routing *routing, struct deadline *ret_deadline)
{
    bool any = false;
    for (size_t i = 0; i < routing->jig->scanner_count; i++) {
        const struct route_pending *pending = &routing->pending[i];
        if (!pending->waiting)
            continue;
        *ret_deadline = any ? deadline_sooner(*ret_deadline, pending->until) : pending->until;
        any = true;
    }
    return any;
}
