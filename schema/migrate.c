#include "schema/migration.h"

#include "schema/answer.h"

#include <stdlib.h>
#include <string.h>

/* Index builds on a large record take their time. */
#define MIGRATION_MS 600000

/* Two runs against one database wait for each other at this number, which is nobody else's. */
#define LOCK_AND_MAKE_TABLE                                                                                            \
    "SET client_min_messages = error;"                                                                                 \
    "SELECT pg_catalog.pg_advisory_lock(7236001);"                                                                     \
    "CREATE TABLE IF NOT EXISTS public.schema_version ("                                                               \
    "number integer PRIMARY KEY, file text NOT NULL, sha256 text NOT NULL,"                                            \
    "at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), by_login name NOT NULL DEFAULT session_user)"

static bool is_managed(struct connection *connection, bool *ret_managed, struct fault *fault)
{
    static const struct column columns[] = {{"managed", COLUMN_BOOL}};
    static const struct request request = {
        .sql = "SELECT pg_catalog.to_regclass('public.schema_version') IS NOT NULL AS managed",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(connection, &request, NULL, &answer, fault))
        return false;
    *ret_managed = answer_bool(answer, 0, 0);
    return true;
}

/* Compares what was applied with the list, row by row: a database that is ahead, behind with a gap, or made from other
 * files is not touched. */
static bool compare(struct connection *connection, const struct migration *list, size_t count, unsigned *ret_applied,
                    struct fault *fault)
{
    static const struct column columns[] = {{"number", COLUMN_INTEGER}, {"file", COLUMN_TEXT}, {"sha256", COLUMN_TEXT}};
    static const struct request request = {
        .sql = "SELECT number, file, sha256 FROM public.schema_version ORDER BY number",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    bool managed = false;
    if (!is_managed(connection, &managed, fault))
        return false;
    if (!managed) {
        *ret_applied = 0;
        return true;
    }
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(connection, &request, NULL, &answer, fault))
        return false;
    for (int row = 0; row < PQntuples(answer); row++) {
        unsigned number = 0;
        if (!answer_unsigned(answer, row, 0, &number, fault))
            return false;
        if (number != (unsigned)row + 1)
            return fault_set(fault, FAULT_RECORD_DRIFT, 0, "migration %d was never applied and %u was", row + 1,
                             number);
        if (number > count)
            return fault_set(fault, FAULT_RECORD_VERSION, 0, "the database has migration %u, this program knows %zu",
                             number, count);
        if (strcmp(PQgetvalue(answer, row, 2), list[row].sha256) != 0)
            return fault_set(fault, FAULT_RECORD_DRIFT, 0, "%s is not the %s that was applied", list[row].file,
                             PQgetvalue(answer, row, 1));
    }
    *ret_applied = (unsigned)PQntuples(answer);
    return true;
}

bool migration_status(const char *conninfo, const struct migration *list, size_t count,
                      struct migration_status *ret_status, struct fault *fault)
{
    CLEANUP(connection_closep) struct connection *connection = NULL;
    struct migration_status status = {.known = (unsigned)count};
    if (!connection_open(conninfo, "kokuin schema status", 0, &connection, fault) ||
        !compare(connection, list, count, &status.applied, fault))
        return fault_within(fault, "schema status");
    *ret_status = status;
    return true;
}

/* One file, one transaction: its row is committed with what it did, or neither. */
static bool apply(struct connection *connection, const struct migration *migration, struct fault *fault)
{
    static const struct request note = {
        .sql =
            "WITH noted AS (INSERT INTO public.schema_version (number, file, sha256) VALUES ($1, $2, $3) RETURNING 1)"
            " SELECT FROM noted",
        .writes = true,
    };
    struct parameters parameters = {0};
    parameter_number(&parameters, migration->number);
    parameter_text(&parameters, migration->file);
    parameter_text(&parameters, migration->sha256);
    if (connection_run(connection, "BEGIN", fault) && connection_run(connection, migration->sql, fault) &&
        connection_ask(connection, &note, &parameters, NULL, fault) && connection_run(connection, "COMMIT", fault))
        return true;
    return fault_within(fault, "%s", migration->file);
}

bool migration_run(const char *conninfo, const struct migration *list, size_t count,
                   struct migration_status *ret_status, struct fault *fault)
{
    CLEANUP(connection_closep) struct connection *connection = NULL;
    struct migration_status status = {.known = (unsigned)count};
    if (!connection_open(conninfo, "kokuin schema migrate", MIGRATION_MS, &connection, fault) ||
        !connection_run(connection, LOCK_AND_MAKE_TABLE, fault) ||
        !compare(connection, list, count, &status.applied, fault))
        return fault_within(fault, "schema migrate");
    /* A failure leaves its transaction open; closing the connection rolls it back and gives the lock free. */
    for (; status.applied < count; status.applied++)
        if (!apply(connection, &list[status.applied], fault))
            return fault_within(fault, "schema migrate");
    *ret_status = status;
    return true;
}

bool schema_status(const char *conninfo, struct migration_status *ret_status, struct fault *fault)
{
    return migration_status(conninfo, migrations, migration_count, ret_status, fault);
}

bool schema_migrate(const char *conninfo, struct migration_status *ret_status, struct fault *fault)
{
    return migration_run(conninfo, migrations, migration_count, ret_status, fault);
}
