/* verify.h -- one pass over a log, leaf by leaf: does it still say what was signed?
 *
 * Three things are compared: each entry with its leaf (edited), each station's steps with their chain (removed,
 * re-ordered, edited), and the tree with the heads that were signed (rewritten, truncated). Memory does not grow with
 * the log; it holds the heads that were given, and for each station where its chain is.
 *
 * Owner    the caller ends a pass with audit_free()
 * Threads  a pass belongs to one thread
 * Secrets  none
 * Layer    audit/
 */
#pragma once

#include "audit/checkpoint.h"

#define AUDIT_ENTRY_MAX (4u << 20) /* bytes of one entry */

enum audit_kind {
    AUDIT_EDITED,    /* a row is not what was sealed */
    AUDIT_REMOVED,   /* a step, or a leaf, is gone */
    AUDIT_REORDERED, /* a station's steps are not in the order of its chain */
    AUDIT_REWRITTEN, /* the leaves are others than those that were signed */
    AUDIT_TRUNCATED, /* the log ends before a head that was signed */
    AUDIT_HEAD,      /* a head of the record itself is not signed, or of no such log */
    AUDIT_KINDS,
};

struct audit_finding {
    enum audit_kind kind;
    uint64_t first, last; /* leaves, from 0 */
    char text[224];
};

/* "edited", ... */
NODISCARD const char *audit_kind_name(enum audit_kind kind);

struct audit_sum {
    uint64_t leaves;
    uint64_t findings;
    uint64_t own_heads;      /* of the record itself, signed and true */
    uint64_t exported_heads; /* that were given */
    uint64_t held;           /* of those: true */
    uint64_t covered;        /* leaves under the largest exported head that is true */
};

struct audit;

/* Each finding is told once, when it is made. `keys` live as long as the pass. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 5) bool audit_begin(const struct checkpoint_keys *keys,
                                               void (*tell)(void *context, const struct audit_finding *finding),
                                               void *context, struct audit **ret_audit, struct fault *fault);
void audit_free(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_free)

/* A head that was kept out of the record's reach; all of them before the first leaf. Faults: LOG_HEAD when it was not
 * signed by one of the keys or is of another log than those before, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 5) bool audit_expect(struct audit *audit, const char *note, size_t size, const char *name,
                                                struct fault *fault);

/* The log's name, before the first leaf. Faults: LOG_HEAD when the given heads are of another log. */
NODISCARD NONNULL(1, 2, 3) bool audit_origin(struct audit *audit, const char *origin, struct fault *fault);

/* The next leaf: its number and hash as the record has them, and its entry as the record gives it now. The entry's
 * bytes lie behind the first one of `bytes`, which is written over. Faults: BAD_BYTES for an entry over
 * AUDIT_ENTRY_MAX, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4, 6) bool audit_leaf(struct audit *audit, uint64_t number, const struct merkle_hash *sealed,
                                              uint8_t *bytes, size_t entry_size, struct fault *fault);

/* A head of the record itself, behind the last of its leaves. */
NONNULL(1, 2) void audit_own_head(struct audit *audit, const char *note, size_t size);

/* Tells what is left to tell. */
NONNULL(1, 2) void audit_end(struct audit *audit, struct audit_sum *ret_sum);
