/* migrate.h -- brings the database to this program's schema version; numbered plain SQL files, one transaction each.
 *
 * The files are compiled into the program. Each is recorded with its SHA-256; a file that changed after it was applied
 * stops everything (RECORD_DRIFT). An advisory lock keeps two runs apart.
 *
 * Owner    values
 * Threads  one
 * Secrets  none
 * Layer    schema/
 */
#pragma once

#include "base/fault.h"

struct migration_status {
    unsigned applied; /* the database's version */
    unsigned known;   /* this program's version */
};

/* Both want the administrator's login. schema_migrate() fails whole at the first file that fails, and keeps the files
 * before it.
 *
 * Faults: RECORD_AWAY, RECORD_ROLE, RECORD_DRIFT (an applied file changed, or one is missing in between),
 * RECORD_VERSION when the database is newer, RECORD_REFUSED, RECORD_UNKNOWN (run it again), USAGE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool schema_status(const char *conninfo, struct migration_status *ret_status,
                                              struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool schema_migrate(const char *conninfo, struct migration_status *ret_status,
                                               struct fault *fault);

/* Makes (or brings up to date) what a station needs: its database login, its row and its slots 1 to `slots`. Leases of
 * numbers come by themselves. All three below are the administrator's and may be repeated. Faults: as above. */
struct station_grant {
    const char *station; /* name */
    const char *login;   /* database role */
    unsigned slots;
};
NODISCARD NONNULL(1, 2, 3) bool schema_grant_station(const char *conninfo, const struct station_grant *grant,
                                                     struct fault *fault);
/* kind: "auditor" (reads everything but secrets), "planner" (opens and closes orders) or "sealer" (seals the log). */
NODISCARD NONNULL(1, 2, 3, 4) bool schema_grant_person(const char *conninfo, const char *kind, const char *login,
                                                       struct fault *fault);
/* kind: "serial" or "mac"; numbers from first to first + count - 1. MAC addresses come in multiples of 32, the largest
 * block of a unit: RECORD_REFUSED otherwise. RECORD_DUPLICATE when they overlap with another block's. */
NODISCARD NONNULL(1, 2, 5) bool schema_add_numbers(const char *conninfo, const char *kind, uint64_t first,
                                                   uint64_t count, struct fault *fault);
