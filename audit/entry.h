/* entry.h -- the part of a log's entry that the chain of its station is made of.
 *
 * Owner    values; texts point into the entry
 * Threads  any
 * Secrets  none
 * Layer    audit/, inside the room only
 */
#pragma once

#include "audit/merkle.h"

struct entry {
    uint32_t station;
    uint64_t chain_seq;
    struct merkle_hash chain_prev, chain_hash;
    bool is_first; /* nothing is before it in its chain */
    uint8_t attempt[16];
    uint32_t seq;
    char state[16];
    int64_t at; /* microseconds since 2000-01-01, UTC */
    uint8_t request[MERKLE_SIZE];
    char serial[24];
};

/* False when it has another form. */
NODISCARD NONNULL(1, 3) bool entry_read(const char *text, size_t size, struct entry *ret_entry);

/* What its chain hash must be. */
NODISCARD NONNULL(1) struct merkle_hash entry_chain_hash(const struct entry *entry);
