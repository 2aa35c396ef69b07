#include "audit/verify.h"

#include "audit/entry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAPS 8
#define NAME_SIZE 64

struct expected {
    struct checkpoint head;
    char name[NAME_SIZE];
};

/* Where a station's chain is, and which of its steps have not come yet. */
struct station {
    uint32_t id;
    uint64_t seq;
    struct merkle_hash hash;
    size_t gap_count;
    struct gap {
        uint64_t first, last; /* of the chain */
        uint64_t leaf;        /* before which they are missing */
    } gaps[GAPS];
};

struct audit {
    const struct checkpoint_keys *keys;
    void (*tell)(void *context, const struct audit_finding *finding);
    void *context;
    char origin[CHECKPOINT_ORIGIN_SIZE];
    struct expected *expected; /* by size */
    size_t expected_count, expected_next;
    struct station *stations;
    size_t station_count;
    struct merkle_range sealed;
    bool has_gap;         /* leaves are missing, so the tree can no longer be computed */
    uint64_t signed_size; /* of the record's own last head */
    uint64_t good, bad;   /* the largest size at which a head held, the first at which one did not; 0: none */
    struct audit_sum sum;
};

const char *audit_kind_name(enum audit_kind kind)
{
    static const char *const names[AUDIT_KINDS] = {"edited", "removed", "re-ordered", "rewritten", "truncated", "head"};
    return (unsigned)kind < AUDIT_KINDS ? names[kind] : "unknown";
}

PRINTF(5, 6)
static void find(struct audit *audit, enum audit_kind kind, uint64_t first, uint64_t last, const char *format, ...)
{
    struct audit_finding finding = {.kind = kind, .first = first, .last = last};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding.text, sizeof finding.text, format, arguments);
    va_end(arguments);
    audit->sum.findings++;
    audit->tell(audit->context, &finding);
}

bool audit_begin(const struct checkpoint_keys *keys, void (*tell)(void *context, const struct audit_finding *finding),
                 void *context, struct audit **ret_audit, struct fault *fault)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (!audit)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "audit");
    audit->keys = keys;
    audit->tell = tell;
    audit->context = context;
    *ret_audit = audit;
    return true;
}

void audit_free(struct audit *audit)
{
    if (!audit)
        return;
    free(audit->expected);
    free(audit->stations);
    free(audit);
}

bool audit_origin(struct audit *audit, const char *origin, struct fault *fault)
{
    if (audit->origin[0] && strcmp(audit->origin, origin) != 0)
        return fault_set(fault, FAULT_LOG_HEAD, 0, "heads of two logs: %.60s and %.60s", audit->origin, origin);
    (void)snprintf(audit->origin, sizeof audit->origin, "%s", origin);
    return true;
}

bool audit_expect(struct audit *audit, const char *note, size_t size, const char *name, struct fault *fault)
{
    struct expected new = {0};
    (void)snprintf(new.name, sizeof new.name, "%s", name);
    if (!checkpoint_read(note, size, audit->keys, &new.head, fault) || !audit_origin(audit, new.head.origin, fault))
        return fault_within(fault, "'%s'", new.name);
    struct expected *all = reallocarray(audit->expected, audit->expected_count + 1, sizeof *all);
    if (!all)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "heads");
    size_t at = audit->expected_count++;
    for (; at > 0 && all[at - 1].head.size > new.head.size; at--)
        all[at] = all[at - 1];
    all[at] = new;
    audit->expected = all;
    audit->sum.exported_heads++;
    return true;
}

/* ---- the chains of the stations ---- */

static struct station *station_of(struct audit *audit, uint32_t id)
{
    for (size_t i = 0; i < audit->station_count; i++)
        if (audit->stations[i].id == id)
            return &audit->stations[i];
    struct station *all = reallocarray(audit->stations, audit->station_count + 1, sizeof *all);
    if (!all)
        return NULL;
    audit->stations = all;
    all[audit->station_count] = (struct station){.id = id};
    return &all[audit->station_count++];
}

static void tell_gap(struct audit *audit, const struct station *station, const struct gap *gap)
{
    find(audit, AUDIT_REMOVED, gap->leaf, gap->leaf,
         "steps %" PRIu64 " to %" PRIu64 " of station %" PRIu32 "'s chain are in no leaf", gap->first, gap->last,
         station->id);
}

static void open_gap(struct audit *audit, struct station *station, uint64_t last, uint64_t leaf)
{
    if (station->gap_count == GAPS) {
        tell_gap(audit, station, &station->gaps[0]);
        memmove(&station->gaps[0], &station->gaps[1], (GAPS - 1) * sizeof station->gaps[0]);
        station->gap_count--;
    }
    station->gaps[station->gap_count++] = (struct gap){station->seq + 1, last, leaf};
}

/* A step that came late closes its gap, or splits it in two. */
static void fill_gap(struct station *station, uint64_t seq)
{
    for (size_t i = 0; i < station->gap_count; i++) {
        struct gap *gap = &station->gaps[i];
        if (seq < gap->first || seq > gap->last)
            continue;
        struct gap after = {seq + 1, gap->last, gap->leaf};
        gap->last = seq - 1;
        if (gap->first > gap->last)
            *gap = after;
        else if (after.first <= after.last && station->gap_count < GAPS)
            station->gaps[station->gap_count++] = after;
        if (gap->first > gap->last)
            *gap = station->gaps[--station->gap_count];
        return;
    }
}

static bool follow_chain(struct audit *audit, const struct entry *entry, uint64_t leaf, bool believed,
                         struct fault *fault)
{
    struct station *station = station_of(audit, entry->station);
    const struct merkle_hash hash = entry_chain_hash(entry);
    if (!station)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "stations");
    if (believed && !merkle_equal(&hash, &entry->chain_hash))
        find(audit, AUDIT_EDITED, leaf, leaf, "unit %s, %s: the step is not the one of its chain hash", entry->serial,
             entry->state);
    if (entry->chain_seq <= station->seq) {
        find(audit, AUDIT_REORDERED, leaf, leaf,
             "unit %s, %s: step %" PRIu64 " of station %" PRIu32 " comes behind step %" PRIu64, entry->serial,
             entry->state, entry->chain_seq, entry->station, station->seq);
        fill_gap(station, entry->chain_seq);
        return true;
    }
    if (entry->chain_seq > station->seq + 1)
        open_gap(audit, station, entry->chain_seq - 1, leaf);
    else if (station->seq == 0 ? !entry->is_first : !merkle_equal(&entry->chain_prev, &station->hash))
        find(audit, AUDIT_EDITED, leaf, leaf,
             "unit %s, %s: it does not follow the step before it in its station's chain", entry->serial, entry->state);
    station->seq = entry->chain_seq;
    station->hash = entry->chain_hash;
    return true;
}

/* ---- the tree and its heads ---- */

static void hold_head(struct audit *audit, bool holds)
{
    uint64_t size = audit->sealed.size;
    if (audit->bad > 0)
        return; /* what came later may hold again: it was signed over the changed leaves */
    if (holds)
        audit->good = size;
    else
        audit->bad = size;
}

static void check_expected(struct audit *audit)
{
    while (audit->expected_next < audit->expected_count &&
           audit->expected[audit->expected_next].head.size <= audit->sealed.size) {
        const struct expected *expected = &audit->expected[audit->expected_next++];
        const struct merkle_hash root = merkle_range_root(&audit->sealed);
        bool holds =
            !audit->has_gap && expected->head.size == audit->sealed.size && merkle_equal(&root, &expected->head.root);
        hold_head(audit, holds);
        audit->sum.held += holds;
        if (holds)
            audit->sum.covered = expected->head.size;
    }
}

void audit_own_head(struct audit *audit, const char *note, size_t size)
{
    struct checkpoint head;
    struct fault fault;
    uint64_t last = audit->sealed.size > 0 ? audit->sealed.size - 1 : 0;
    if (!checkpoint_read(note, size, audit->keys, &head, &fault)) {
        find(audit, AUDIT_HEAD, last, last, "the record's own head: %.160s", fault.text);
    } else if (strcmp(head.origin, audit->origin) != 0 || head.size != audit->sealed.size) {
        find(audit, AUDIT_HEAD, last, last, "the record's own head is of %" PRIu64 " leaves of %s", head.size,
             head.origin);
    } else {
        const struct merkle_hash root = merkle_range_root(&audit->sealed);
        bool holds = !audit->has_gap && merkle_equal(&root, &head.root);
        hold_head(audit, holds);
        audit->sum.own_heads += holds;
        audit->signed_size = head.size;
    }
}

bool audit_leaf(struct audit *audit, uint64_t number, const struct merkle_hash *sealed, uint8_t *bytes,
                size_t entry_size, struct fault *fault)
{
    struct entry entry;
    if (entry_size > AUDIT_ENTRY_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "leaf %" PRIu64 ": an entry of %zu bytes", number, entry_size);
    if (number > audit->sealed.size) {
        find(audit, AUDIT_REMOVED, audit->sealed.size, number - 1, "these leaves are gone from the log");
        audit->has_gap = true;
        audit->sealed.size = number;
    } else if (number < audit->sealed.size) {
        find(audit, AUDIT_REORDERED, number, number, "this leaf comes behind leaf %" PRIu64, audit->sealed.size - 1);
        audit->has_gap = true;
        return true;
    }
    if (entry_size == 0) {
        find(audit, AUDIT_REMOVED, number, number, "its step is gone from the record");
    } else if (!entry_read((const char *)bytes + 1, entry_size, &entry)) {
        find(audit, AUDIT_EDITED, number, number, "its entry has another form than this program knows");
    } else {
        const struct merkle_hash hash = merkle_leaf_in_place(bytes, entry_size);
        bool same = merkle_equal(&hash, sealed);
        if (!same)
            find(audit, AUDIT_EDITED, number, number, "unit %s, %s: what the record says now is not what was sealed",
                 entry.serial, entry.state);
        if (!follow_chain(audit, &entry, number, same, fault))
            return false;
    }
    if (audit->has_gap)
        audit->sealed.size++;
    else
        merkle_range_add(&audit->sealed, sealed);
    audit->sum.leaves++;
    check_expected(audit);
    return true;
}

void audit_end(struct audit *audit, struct audit_sum *ret_sum)
{
    for (size_t i = 0; i < audit->station_count; i++)
        for (size_t j = 0; j < audit->stations[i].gap_count; j++)
            tell_gap(audit, &audit->stations[i], &audit->stations[i].gaps[j]);
    if (audit->signed_size < audit->sealed.size)
        find(audit, AUDIT_HEAD, audit->signed_size, audit->sealed.size - 1,
             "the record has no signed head over these leaves");
    if (audit->bad > 0)
        find(audit, AUDIT_REWRITTEN, audit->good, audit->bad - 1,
             "the head of %" PRIu64 " leaves was signed over others than these; %" PRIu64
             " leaves are as they were signed",
             audit->bad, audit->good);
    for (; audit->expected_next < audit->expected_count; audit->expected_next++) {
        const struct expected *expected = &audit->expected[audit->expected_next];
        find(audit, AUDIT_TRUNCATED, audit->sealed.size, expected->head.size - 1,
             "'%s', signed %s, is of %" PRIu64 " leaves; the log has %" PRIu64, expected->name, expected->head.time,
             expected->head.size, audit->sealed.size);
    }
    *ret_sum = audit->sum;
}
