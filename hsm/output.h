/* output.h -- a set of files that appears in a directory whole or not at all.
 *
 * Owner    the caller owns the bytes
 * Threads  one
 * Secrets  none: these files are public
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "base/fault.h"

struct output_file {
    const char *name;
    const char *bytes;
    size_t size;
};

/* Faults: FILE when the directory is missing or one of the files is there. */
NODISCARD NONNULL(1, 2, 4) bool output_check(const char *directory, const char *const *names, size_t count,
                                             struct fault *fault);

/* Removes files of these names, and what a crash left of writing them. Faults: FILE. */
NODISCARD NONNULL(1, 2, 4) bool output_remove(const char *directory, const char *const *names, size_t count,
                                              struct fault *fault);

/* Removes what a crash left of writing them, not the files themselves. */
void output_tidy(const char *directory, const char *const *names, size_t count);

/* The whole of a file of at most OUTPUT_FILE_MAX bytes, which the caller frees, with a zero behind; NULL in
 * `ret_text`: there is none. Faults: FILE, NO_MEMORY.
 */
#define OUTPUT_FILE_MAX 262144
NODISCARD NONNULL(1, 2, 3, 4, 5) bool output_read(const char *directory, const char *name, char **ret_text,
                                                  size_t *ret_size, struct fault *fault);

/* Written aside and forced to the disk first; then each gets its name, the last one last. Nothing is overwritten.
 * Faults: FILE. */
NODISCARD NONNULL(1, 2, 4) bool output_write(const char *directory, const struct output_file *files, size_t count,
                                             struct fault *fault);

/* The same over files that are there. Each is replaced at once; after a disk that fails between two of them the first
 * are new and the others old. Faults: FILE.
 */
NODISCARD NONNULL(1, 2, 4) bool output_replace(const char *directory, const struct output_file *files, size_t count,
                                               struct fault *fault);
