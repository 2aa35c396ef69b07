/* records.h -- the records of a directory, read back: which key is where, by the lines that hsm/record.h wrote.
 *
 * A record is compared, not parsed: a line that is not as this program writes it is a difference.
 *
 * Owner    records_free() frees the texts; entries point into them
 * Threads  one
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/record.h"

#define RECORDS_MAX 17
#define RECORDS_NUMBER_MAX 99 /* production tokens in the life of a plant */

struct records {
    char *texts[RECORDS_MAX];
    size_t count;
};

/* ceremony.json and restore-1.json to restore-99.json, as far as they are there. Faults: FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool records_read(const char *directory, struct records *records, struct fault *fault);
void records_free(struct records *records);

/* The lines of the key of this name on the token of this serial number; false: no record has it. */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool records_find(const struct records *records, const char *name,
                                                   const struct token *token, const char **ret_lines, size_t *ret_size);

/* The number of a production token; 0: no record has it. */
NODISCARD NONNULL(1, 2) unsigned records_number(const struct records *records, const struct token *token);

/* The highest number that any record gives to a production token; 0: none. */
NODISCARD NONNULL(1) unsigned records_highest(const struct records *records);

/* The value of a line `"field": "hex"` of an entry. Faults: BAD_BYTES. */
NODISCARD NONNULL(1, 3, 4, 6) bool records_hex(const char *lines, size_t size, const char *field, uint8_t *ret_bytes,
                                               size_t bytes, struct fault *fault);
