/* store_log.h -- the log of all steps and its signed heads: what the sealer writes, and what whoever checks it reads.
 *
 * The record knows nothing of trees: it keeps leaves and heads as they come, computes each leaf once more itself, and
 * lets none of them change.
 *
 * Owner    values; pages are freed by their _free
 * Threads  as the store
 * Secrets  none: an entry holds digests of what is secret
 * Layer    schema/ may include base/ only
 */
#pragma once

#include "schema/store.h"

#define STORE_LOG_ORIGIN_SIZE 48 /* "kokuin-log/" and a UUID */
#define STORE_LOG_PAGE 500
#define STORE_LOG_NOTE_MAX 4096
#define STORE_LOG_EDGES 64

/* Where the log stands. */
struct store_log_state {
    char origin[STORE_LOG_ORIGIN_SIZE];
    uint64_t size;                      /* leaves under the last head; 0: there is none */
    uint8_t edges[STORE_LOG_EDGES][32]; /* whole subtrees from left to right */
    size_t edge_count;
    char note[STORE_LOG_NOTE_MAX + 1]; /* the last head, signed; empty: there is none */
};

/* Takes the one sealer's place until the store is closed or reconnected. Faults: LOG_BUSY. */
NODISCARD NONNULL(1, 2, 3) bool store_log_begin(struct store *store, struct store_log_state *ret_state,
                                                struct fault *fault);

/* One step, as a line of text without its end: the bytes that are hashed. */
struct store_log_entry {
    struct uuid attempt;
    unsigned seq;
    uint64_t leaf;    /* of a page */
    uint8_t hash[32]; /* of a page: as it was sealed */
    char *entry;      /* "" when the record has no such step any more */
};
struct store_log_entries {
    size_t count;
    struct store_log_entry *each;
};
void store_log_entries_free(struct store_log_entries *entries);

/* At most STORE_LOG_PAGE committed steps that are in no leaf yet, in the order in which they have to be sealed. */
NODISCARD NONNULL(1, 2, 3) bool store_log_pending(struct store *store, struct store_log_entries *ret_entries,
                                                  struct fault *fault);

struct store_log_head {
    uint64_t first;                          /* the number of the first new leaf */
    const struct store_log_entries *entries; /* as store_log_pending() gave them, with their `hash` filled */
    const uint8_t *root;                     /* 32 bytes */
    const uint8_t *edges;
    size_t edge_count;
    const char *note;
};
/* Leaves and their head, together. May be repeated with the same values. Faults: RECORD_REFUSED when they do not follow
 * the last leaf, or a leaf is not its step's. */
NODISCARD NONNULL(1, 2, 3) bool store_log_append(struct store *store, const struct store_log_head *head,
                                                 struct fault *fault);

/* What is read from here on is the record of this moment, until the store is closed. Nothing can be written. */
NODISCARD NONNULL(1, 2) bool store_log_snapshot(struct store *store, struct fault *fault);

/* The log's name, and how many steps wait for the sealer. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_log_origin(struct store *store, char ret_origin[STORE_LOG_ORIGIN_SIZE],
                                                    uint64_t *ret_waiting, struct fault *fault);

/* At most STORE_LOG_PAGE leaves from a number on, by number; entries as the record gives them now. */
NODISCARD NONNULL(1, 3, 4) bool store_log_page(struct store *store, uint64_t from,
                                               struct store_log_entries *ret_entries, struct fault *fault);

struct store_log_note {
    uint64_t size;
    char *note;
};
struct store_log_notes {
    size_t count;
    struct store_log_note *each;
};
void store_log_notes_free(struct store_log_notes *notes);

/* At most STORE_LOG_PAGE signed heads from a size on, by size. */
NODISCARD NONNULL(1, 3, 4) bool store_log_heads(struct store *store, uint64_t from, struct store_log_notes *ret_notes,
                                                struct fault *fault);
