/* journal.h -- what a ceremony is about to make and what it has made, forced to the disk before and after each step.
 *
 *   kokuin-journal 1
 *   plan 0f3a...                              the digest of what is to be done (hsm/ceremony.c)
 *   will issuing-1 9a0c... 7366...            about to make it: CKA_ID and the token's serial number, in hex
 *   made issuing-1 31bb...                    made, looked at, and kept: digest of its public point, or of its check
 * value done 77ad...                              the digest of the record; nothing follows
 *
 * A later "will" of the same name takes back what was made. A last line without its newline was cut by a crash and is
 * forgotten. A second program that opens the journal meanwhile is refused.
 *
 * Owner    journal_close() closes the file
 * Threads  one
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/place.h"

#define JOURNAL_DIGEST_SIZE 32

struct journal_entry {
    char name[PLACE_NAME_SIZE];
    uint8_t id[MAKE_ID_SIZE];
    uint8_t serial[TOKEN_SERIAL_SIZE];
    bool made;
    uint8_t print[JOURNAL_DIGEST_SIZE];
};

struct journal {
    int fd; /* 0: not open */
    bool begun_before;
    bool done;
    struct journal_entry entries[PLACES_MAX];
    size_t count;
};

/* Whether there is a journal of this name in the directory. Faults: FILE. */
NODISCARD NONNULL(1, 2, 3, 4) bool journal_exists(const char *directory, const char *file, bool *ret_exists,
                                                  struct fault *fault);

/* Begins a journal, or goes on with the one that is there.
 *
 * Faults: HSM_KEY_EXISTS when it is of another plan; FILE, also when another program has it open; BAD_BYTES when it is
 * damaged.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool journal_open(const char *directory, const char *file,
                                                   const uint8_t plan[JOURNAL_DIGEST_SIZE], struct journal *journal,
                                                   struct fault *fault);
void journal_close(struct journal *journal);

/* NULL: this was never about to be made. */
NODISCARD NONNULL(1, 2) const struct journal_entry *journal_find(const struct journal *journal, const char *name);

/* On true it is on the disk. Faults: FILE. */
NODISCARD NONNULL(1, 2, 4) bool journal_will(struct journal *journal, const struct place *place,
                                             const uint8_t id[MAKE_ID_SIZE], struct fault *fault);
NODISCARD NONNULL(1, 2, 4) bool journal_made(struct journal *journal, const struct place *place,
                                             const uint8_t print[JOURNAL_DIGEST_SIZE], struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool journal_done(struct journal *journal, const uint8_t digest[JOURNAL_DIGEST_SIZE],
                                             struct fault *fault);
