#include "schema/store_inside.h"

#include "schema/migration.h"

#include <stdlib.h>

/* A database of another version, or one that could lose what it acknowledged, is not worked with. */
static bool check_session(struct store *store, struct fault *fault)
{
    static const struct column columns[] = {
        {"schema_version", COLUMN_INTEGER}, {"station", COLUMN_TEXT}, {"durable", COLUMN_BOOL}};
    static const struct request request = {
        .sql = "SELECT schema_version, station, durable FROM api.session()",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    unsigned version = 0;
    if (!connection_ask(store->connection, &request, NULL, &answer, fault) ||
        !answer_unsigned(answer, 0, 0, &version, fault))
        return false;
    if (version != migration_count)
        return fault_set(fault, FAULT_RECORD_VERSION, 0, "the database has schema %u, this program %zu", version,
                         migration_count);
    if (!answer_bool(answer, 0, 2))
        return fault_set(fault, FAULT_RECORD_UNSAFE, 0,
                         "replication is asynchronous, or fsync, full_page_writes or synchronous_commit is off");
    return true;
}

bool store_open(const struct store_options *options, struct store **ret_store, struct fault *fault)
{
    CLEANUP(store_closep) struct store *store = calloc(1, sizeof *store);
    if (!store)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open record");
    if (!connection_open(options->conninfo, options->application, options->answer_ms, &store->connection, fault) ||
        !check_session(store, fault))
        return fault_within(fault, "open record");
    *ret_store = TAKE(store);
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    connection_close(store->connection);
    free(store);
}

bool store_reconnect(struct store *store, struct fault *fault)
{
    return (connection_renew(store->connection, fault) && check_session(store, fault)) ||
           fault_within(fault, "reconnect record");
}

bool store_do(struct store *store, const char *what, const char *sql, struct parameters *parameters,
              struct fault *fault)
{
    struct request request = {.sql = sql, .writes = true};
    bool done = connection_ask(store->connection, &request, parameters, NULL, fault);
    parameters_free(parameters);
    return done || fault_within(fault, "%s", what);
}

bool store_read_text(struct store *store, const char *what, const char *sql, struct parameters *parameters,
                     char **ret_text, struct fault *fault)
{
    static const struct column columns[] = {{"document", COLUMN_TEXT}};
    struct request request = {.sql = sql, .columns = columns, .column_count = ARRAY_SIZE(columns)};
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    bool done = connection_ask(store->connection, &request, parameters, &answer, fault);
    parameters_free(parameters);
    if (!done)
        return fault_within(fault, "%s", what);
    char *text = answer_copy(answer, 0, 0);
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s", what);
    *ret_text = text;
    return true;
}
