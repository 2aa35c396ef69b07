/* migration.h -- the migrations that were compiled in, and the runner over any list of them.
 *
 * Owner    values in static storage
 * Threads  one
 * Secrets  none
 * Layer    inside schema/, and its tests
 */
#pragma once

#include "schema/migrate.h"

struct migration {
    unsigned number; /* 1, 2, 3 ... without a gap */
    const char *file;
    const char *sha256; /* of the file's bytes, in hex */
    const char *sql;
};

/* Generated from schema/migrations by schema/tools/embed-migrations.cmake. */
extern const struct migration migrations[];
extern const size_t migration_count;

/* As schema_status() and schema_migrate(), over another list. */
NODISCARD NONNULL(1, 2, 4, 5) bool migration_status(const char *conninfo, const struct migration *list, size_t count,
                                                    struct migration_status *ret_status, struct fault *fault);
NODISCARD NONNULL(1, 2, 4, 5) bool migration_run(const char *conninfo, const struct migration *list, size_t count,
                                                 struct migration_status *ret_status, struct fault *fault);
