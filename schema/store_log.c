#include "schema/store_log.h"

#include "base/bytes.h"
#include "schema/store_inside.h"

#include <stdlib.h>
#include <string.h>

void store_log_entries_free(struct store_log_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->each[i].entry);
    free(entries->each);
    *entries = (struct store_log_entries){0};
}

void store_log_notes_free(struct store_log_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        free(notes->each[i].note);
    free(notes->each);
    *notes = (struct store_log_notes){0};
}

static bool answer_hex(const PGresult *answer, int row, int column, uint8_t *ret_bytes, size_t size,
                       struct fault *fault)
{
    const char *hex = PQgetvalue(answer, row, column);
    if (strlen(hex) != 2 * size || !hex_read(hex, ret_bytes, size, fault))
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "a value is not %zu bytes in hexadecimal", size);
    return true;
}

bool store_log_begin(struct store *store, struct store_log_state *ret_state, struct fault *fault)
{
    static const struct column columns[] = {
        {"origin", COLUMN_TEXT}, {"size", COLUMN_BIGINT}, {"edges", COLUMN_TEXT}, {"note", COLUMN_TEXT}};
    static const struct request request = {
        .sql = "SELECT origin, size, edges, note FROM api.log_begin()",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    struct store_log_state state = {0};
    if (!connection_ask(store->connection, &request, NULL, &answer, fault) ||
        !answer_text(answer, 0, 0, state.origin, sizeof state.origin, fault) ||
        !answer_number(answer, 0, 1, &state.size, INT64_MAX, fault) ||
        !answer_text(answer, 0, 3, state.note, sizeof state.note, fault))
        return fault_within(fault, "begin sealing");
    state.edge_count = strlen(PQgetvalue(answer, 0, 2)) / (2 * sizeof state.edges[0]);
    if (state.edge_count > STORE_LOG_EDGES ||
        !answer_hex(answer, 0, 2, state.edges[0], state.edge_count * sizeof state.edges[0], fault))
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "begin sealing: the last head's edges");
    *ret_state = state;
    return true;
}

static bool copy_entry(const PGresult *answer, int row, int column, struct store_log_entry *entry, struct fault *fault)
{
    entry->entry = answer_copy(answer, row, column);
    return entry->entry || fault_set(fault, FAULT_NO_MEMORY, 0, "an entry of the log");
}

static bool make_room(const PGresult *answer, struct store_log_entries *entries, struct fault *fault)
{
    size_t count = (size_t)PQntuples(answer);
    if (count > STORE_LOG_PAGE)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "a page of %zu entries", count);
    entries->each = calloc(count + 1, sizeof *entries->each);
    if (!entries->each)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%zu entries of the log", count);
    entries->count = count;
    return true;
}

bool store_log_pending(struct store *store, struct store_log_entries *ret_entries, struct fault *fault)
{
    static const struct column columns[] = {{"attempt", COLUMN_UUID}, {"seq", COLUMN_INTEGER}, {"entry", COLUMN_TEXT}};
    static const struct request request = {
        .sql = "SELECT attempt, seq, entry FROM api.log_pending($1)",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_number(&parameters, STORE_LOG_PAGE);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    CLEANUP(store_log_entries_free) struct store_log_entries entries = {0};
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !make_room(answer, &entries, fault))
        return fault_within(fault, "steps to seal");
    for (size_t i = 0; i < entries.count; i++)
        if (!uuid_parse(PQgetvalue(answer, (int)i, 0), &entries.each[i].attempt, fault) ||
            !answer_unsigned(answer, (int)i, 1, &entries.each[i].seq, fault) ||
            !copy_entry(answer, (int)i, 2, &entries.each[i], fault))
            return fault_within(fault, "steps to seal");
    *ret_entries = entries;
    entries = (struct store_log_entries){0};
    return true;
}

bool store_log_append(struct store *store, const struct store_log_head *head, struct fault *fault)
{
    struct array attempts, seqs, hashes;
    struct parameters parameters = {0};
    parameter_number(&parameters, head->first);
    if (!array_begin(&attempts) || !array_begin(&seqs) || !array_begin(&hashes))
        return fault_set(fault, FAULT_NO_MEMORY, 0, "seal");
    for (size_t i = 0; i < head->entries->count; i++) {
        const struct store_log_entry *entry = &head->entries->each[i];
        char text[UUID_TEXT_SIZE];
        uuid_text(&entry->attempt, text);
        array_add_text(&attempts, text);
        array_add_number(&seqs, entry->seq);
        array_add_bytes(&hashes, entry->hash, sizeof entry->hash);
    }
    parameter_array(&parameters, &attempts);
    parameter_array(&parameters, &seqs);
    parameter_array(&parameters, &hashes);
    parameter_bytes(&parameters, head->root, 32);
    parameter_bytes(&parameters, head->edges, head->edge_count * 32);
    parameter_text(&parameters, head->note);
    return store_do(store, "seal", "SELECT FROM api.log_append($1, $2, $3, $4, $5, $6, $7)", &parameters, fault);
}

bool store_log_snapshot(struct store *store, struct fault *fault)
{
    return connection_run(store->connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", fault) ||
           fault_within(fault, "snapshot of the log");
}

bool store_log_origin(struct store *store, char ret_origin[STORE_LOG_ORIGIN_SIZE], uint64_t *ret_waiting,
                      struct fault *fault)
{
    static const struct column columns[] = {{"origin", COLUMN_TEXT}, {"waiting", COLUMN_BIGINT}};
    static const struct request request = {
        .sql = "SELECT origin, greatest(waiting, 0) AS waiting FROM api.log_origin()",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    char origin[STORE_LOG_ORIGIN_SIZE];
    uint64_t waiting = 0;
    if (!connection_ask(store->connection, &request, NULL, &answer, fault) ||
        !answer_text(answer, 0, 0, origin, sizeof origin, fault) ||
        !answer_number(answer, 0, 1, &waiting, INT64_MAX, fault))
        return fault_within(fault, "the log's name");
    memcpy(ret_origin, origin, sizeof origin);
    *ret_waiting = waiting;
    return true;
}

bool store_log_page(struct store *store, uint64_t from, struct store_log_entries *ret_entries, struct fault *fault)
{
    static const struct column columns[] = {{"leaf", COLUMN_BIGINT}, {"hash", COLUMN_TEXT}, {"entry", COLUMN_TEXT}};
    static const struct request request = {
        .sql = "SELECT leaf, hash, entry FROM api.log_page($1, $2)",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_number(&parameters, from);
    parameter_number(&parameters, STORE_LOG_PAGE);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    CLEANUP(store_log_entries_free) struct store_log_entries entries = {0};
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !make_room(answer, &entries, fault))
        return fault_within(fault, "leaves of the log");
    for (size_t i = 0; i < entries.count; i++)
        if (!answer_number(answer, (int)i, 0, &entries.each[i].leaf, INT64_MAX, fault) ||
            !answer_hex(answer, (int)i, 1, entries.each[i].hash, sizeof entries.each[i].hash, fault) ||
            !copy_entry(answer, (int)i, 2, &entries.each[i], fault))
            return fault_within(fault, "leaves of the log");
    *ret_entries = entries;
    entries = (struct store_log_entries){0};
    return true;
}

bool store_log_heads(struct store *store, uint64_t from, struct store_log_notes *ret_notes, struct fault *fault)
{
    static const struct column columns[] = {{"size", COLUMN_BIGINT}, {"note", COLUMN_TEXT}};
    static const struct request request = {
        .sql = "SELECT size, note FROM api.log_heads($1, $2)",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_number(&parameters, from);
    parameter_number(&parameters, STORE_LOG_PAGE);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    CLEANUP(store_log_notes_free) struct store_log_notes notes = {0};
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault))
        return fault_within(fault, "heads of the log");
    size_t count = (size_t)PQntuples(answer);
    notes.each = calloc(count + 1, sizeof *notes.each);
    if (count > STORE_LOG_PAGE || !notes.each)
        return fault_set(fault, count > STORE_LOG_PAGE ? FAULT_RECORD_SHAPE : FAULT_NO_MEMORY, 0,
                         "%zu heads of the log", count);
    for (; notes.count < count; notes.count++) {
        struct store_log_note *note = &notes.each[notes.count];
        note->note = answer_copy(answer, (int)notes.count, 1);
        if (!note->note)
            return fault_set(fault, FAULT_NO_MEMORY, 0, "a head of the log");
        if (!answer_number(answer, (int)notes.count, 0, &note->size, INT64_MAX, fault)) {
            free(note->note);
            return fault_within(fault, "heads of the log");
        }
    }
    *ret_notes = notes;
    notes = (struct store_log_notes){0};
    return true;
}
