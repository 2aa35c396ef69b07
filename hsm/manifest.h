/* manifest.h -- the digests of a directory's files.
 *
 * Owner    the caller frees the text
 * Threads  one
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/output.h"

#define MANIFEST_FILES_MAX 128
#define MANIFEST_NAME_SIZE 64

struct manifest {
    char names[MANIFEST_FILES_MAX][MANIFEST_NAME_SIZE];
    uint8_t digests[MANIFEST_FILES_MAX][32];
    size_t count;
};

/* The regular files of a directory whose names do not begin with a point, in the order of their names. Faults: FILE,
 * also for a name or a number of files that does not fit, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool manifest_of(const char *directory, struct manifest *ret_manifest, struct fault *fault);

/* "<hex>  <name>\n" for each. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool manifest_write(const struct manifest *manifest, char **ret_text, struct fault *fault);

/* Reads manifest `file` of the directory and compares every file it names. Faults: BACKUP_DAMAGED, FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool manifest_verify(const char *directory, const char *file, struct fault *fault);
