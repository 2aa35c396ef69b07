/* lines.h -- a text file of foreign origin, line by line, without ever holding more than one line of the longest kind.
 *
 * Owner    lines_end() frees the buffer; the caller closes the file
 * Threads  one
 * Secrets  none
 * Layer    audit/, inside the room only
 */
#pragma once

#include "audit/verify.h"

#include <stdio.h>

#define LINE_MAX_SIZE (AUDIT_ENTRY_MAX + 8192) /* an entry and what may stand in front of it */

struct lines {
    FILE *file;
    char *bytes;
    size_t at, end;
    uint64_t number; /* of the line, from 1 */
};

/* Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool lines_begin(struct lines *lines, FILE *file, struct fault *fault);
void lines_end(struct lines *lines);

/* The next line, without its end and with a terminator in its place; NULL at the end of the file. It may be written
 * over and stays until the next call. Faults: FILE; BAD_BYTES for a line without an end, or a longer one. */
NODISCARD NONNULL(1, 2, 3, 4) bool lines_next(struct lines *lines, char **ret_line, size_t *ret_size,
                                              struct fault *fault);

/* BAD_BYTES with the line's number in front. The whole is false. */
NONNULL(1, 2, 3) bool lines_bad(const struct lines *lines, const char *what, struct fault *fault);

/* Decimal digits up to the character `end`: moves behind it. False when there is something else. */
NODISCARD NONNULL(1, 3) bool lines_number(char **from, char end, uint64_t *ret_value);
