/* proof.h -- that single leaves are in a log, and that the log only ever grew, for somebody who has heads and not the
 * log.
 *
 * A proof is a text file; README.md says byte by byte what is in it. It carries no head: it holds only against heads
 * that whoever checks it has kept.
 *
 * Owner    the caller opens and closes the file, and frees the check
 * Threads  one
 * Secrets  none
 * Layer    audit/
 * Spec     RFC 9162 sections 2.1.3 and 2.1.4
 */
#pragma once

#include "audit/checkpoint.h"

#include <stdio.h>

#define PROOF_MARK "kokuin-proof 1 "
#define PROOF_HEADS_MAX 64
#define PROOF_SERIAL_SIZE 24

/* ---- written ---- */

/* Its lines. What was written is only known to be there when the caller has closed the file without an error. */
NONNULL(1, 2) void proof_begin(FILE *file, const char *origin);
NONNULL(1, 4) void proof_growth(FILE *file, uint64_t before, uint64_t size, const struct merkle_proof *proof);
NONNULL(1, 4, 5)
void proof_leaf(FILE *file, uint64_t number, uint64_t size, const struct merkle_proof *proof, const char *entry);
/* `beyond`: leaves of the same unit that no head covers yet. */
NONNULL(1) void proof_end(FILE *file, uint64_t leaves, uint64_t beyond);

/* Whose step an entry is. False when it has another form. */
NODISCARD NONNULL(1, 2) bool proof_serial(const char *entry, char ret_serial[PROOF_SERIAL_SIZE]);

/* ---- checked ---- */

struct proof_head {
    struct checkpoint checkpoint;
    char name[64];
    bool grown; /* the log of the largest head begins with this one's */
};
struct proof_heads {
    size_t count;
    struct proof_head each[PROOF_HEADS_MAX];
};

/* One more head that was kept. Faults: LOG_HEAD when none of the keys signed it, or it is of another log than those
 * before; USAGE for more than PROOF_HEADS_MAX. */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool proof_expect(struct proof_heads *heads, const char *note, size_t size,
                                                   const char *name, const struct checkpoint_keys *keys,
                                                   struct fault *fault);

/* The one of the most leaves. There must be one. */
NODISCARD NONNULL(1) const struct proof_head *proof_largest(const struct proof_heads *heads);

struct proof_sum {
    uint64_t held;     /* leaves that are shown to be in the log */
    uint64_t findings; /* what should have held and does not */
    uint64_t beyond;
};

/* Checks a whole file against the heads. Each leaf that holds is told with its number, and each finding with 0 leaves
 * said to hold.
 *
 * Faults: BAD_BYTES for a file of another form, or one that was cut; FILE; LOG_HEAD when it is of another log;
 * NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 5, 6) bool proof_verify(FILE *file, struct proof_heads *heads,
                                                   void (*tell)(void *context, const char *line), void *context,
                                                   struct proof_sum *ret_sum, struct fault *fault);
