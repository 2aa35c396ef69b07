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

static struct route to_slot(struct routing *routing, unsigned number, enum scan_means means,
                            const struct scan_message *label)
{
    size_t index;
    if (!find_slot(routing->jig, number, &index))
        return answer(FAULT_SCAN_UNKNOWN);
    if (routing->slots[index].view != SLOT_LABEL)
        return answer(FAULT_SCAN_NOT_EXPECTED);
    memcpy(routing->slots[index].scanned, label->serial, sizeof label->serial);
    return (struct route){.kind = ROUTE_TO_SLOT, .slot_index = index, .means = means, .label = *label};
}

/* A label, or in the place of one the card that says it is missing: both need a slot. */
static struct route take_label(struct routing *routing, const struct scan_message *scan, enum scan_means means)
{
    unsigned own = routing->jig->scanners[scan->scanner].slot;
    routing->pending[scan->scanner] = (struct route_pending){0};
    if (own != 0)
        return to_slot(routing, own, means, scan);
    if (!somebody_waits(routing))
        return answer(FAULT_SCAN_NOT_EXPECTED);
    routing->pending[scan->scanner] =
        (struct route_pending){.waiting = true, .until = deadline_in_ms(ROUTE_PAIR_MS), .means = means, .label = *scan};
    return (struct route){.kind = ROUTE_WAIT};
}

static struct route take_reprint_card(struct routing *routing, const struct scan_message *scan)
{
    if (!somebody_waits(routing))
        return answer(FAULT_SCAN_NOT_EXPECTED);
    routing->pending[scan->scanner] = (struct route_pending){.spoils = true, .until = deadline_in_ms(ROUTE_PAIR_MS)};
    return (struct route){.kind = ROUTE_WAIT};
}

static enum scan_means means_of(const struct routing *routing, const struct scan_message *scan)
{
    const struct route_pending *pending = &routing->pending[scan->scanner];
    return pending->spoils && !deadline_passed(pending->until) ? SCAN_MEANS_SPOILT : SCAN_MEANS_APPLIED;
}

static struct route take_tag(struct routing *routing, const struct scan_message *scan)
{
    struct route_pending pending = routing->pending[scan->scanner];
    routing->pending[scan->scanner] = (struct route_pending){0};
    if (!pending.waiting || deadline_passed(pending.until))
        return answer(FAULT_SCAN_NOT_EXPECTED);
    return to_slot(routing, scan->slot, pending.means, &pending.label);
}

struct route route_scan(struct routing *routing, const struct scan_message *scan)
{
    if (scan->scanner >= routing->jig->scanner_count)
        return answer(FAULT_INTERNAL);
    switch ((enum scan_kind)scan->kind) {
    case SCAN_LABEL:
        return take_label(routing, scan, means_of(routing, scan));
    case SCAN_REPRINT:
        return take_reprint_card(routing, scan);
    case SCAN_REKEY:
        return take_label(routing, scan, SCAN_MEANS_MISSING);
    case SCAN_SLOT_TAG:
        return take_tag(routing, scan);
    case SCAN_BADGE:
        return (struct route){.kind = ROUTE_OPERATOR};
    case SCAN_PAUSE:
        return (struct route){.kind = ROUTE_PAUSE};
    case SCAN_RESUME:
        return (struct route){.kind = ROUTE_RESUME};
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

static bool is_pending(const struct route_pending *pending)
{
    return pending->waiting || pending->spoils;
}

bool route_expire(struct routing *routing, size_t *ret_scanner)
{
    for (size_t i = 0; i < routing->jig->scanner_count; i++) {
        if (!is_pending(&routing->pending[i]) || !deadline_passed(routing->pending[i].until))
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
        if (!is_pending(pending))
            continue;
        *ret_deadline = any ? deadline_sooner(*ret_deadline, pending->until) : pending->until;
        any = true;
    }
    return any;
}
