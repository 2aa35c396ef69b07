/* export.h -- a log as a text file, leaf by leaf (README.md says byte by byte), and the pass over it.
 *
 * Owner    the caller opens and closes the file
 * Threads  one
 * Secrets  none
 * Layer    audit/
 */
#pragma once

#include "audit/verify.h"

#include <stdio.h>

#define EXPORT_MARK "kokuin-log 1 "

/* Feeds the whole file to a pass; `ret_waiting` gets how many steps were in no leaf when it was written. Lines are at
 * most AUDIT_ENTRY_MAX and a little more.
 *
 * Faults: BAD_BYTES for a file of another form, or one that was cut; FILE, LOG_HEAD as audit_origin(), NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool export_read(FILE *file, struct audit *audit, uint64_t *ret_waiting,
                                               struct fault *fault);

/* Its lines. What was written is only known to be there when the caller has closed the file without an error. */
NONNULL(1, 2) void export_begin(FILE *file, const char *origin);
NONNULL(1, 3, 4) void export_leaf(FILE *file, uint64_t number, const uint8_t *hash, const char *entry);
NONNULL(1, 2) void export_head(FILE *file, const char *note);
NONNULL(1) void export_end(FILE *file, uint64_t leaves, uint64_t waiting);
