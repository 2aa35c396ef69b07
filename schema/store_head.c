#include "schema/store_inside.h"

/* The columns of api.station_head. */
enum { SEQ, HASH, HOLDS };

static bool read_head(const PGresult *answer, const struct store_head *known, struct store_head *ret_head,
                      struct fault *fault)
{
    struct store_head head = {0};
    if (!answer_number(answer, 0, SEQ, &head.steps, INT64_MAX, fault) ||
        !answer_text(answer, 0, HASH, head.hash, sizeof head.hash, fault))
        return false;
    if (!answer_bool(answer, 0, HOLDS))
        return fault_set(fault, FAULT_RECORD_BEHIND, 0,
                         "the record has %llu steps of this station and not the one this station knows as its %llu.",
                         (unsigned long long)head.steps, (unsigned long long)known->steps);
    *ret_head = head;
    return true;
}

bool store_head_follow(struct store *store, const struct store_head *known, struct store_head *ret_head,
                       struct fault *fault)
{
    static const struct column columns[] = {{"seq", COLUMN_BIGINT}, {"hash", COLUMN_TEXT}, {"holds", COLUMN_BOOL}};
    static const struct request request = {
        .sql = "SELECT seq, hash, holds FROM api.station_head($1, $2)",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    parameter_number(&parameters, known->steps);
    parameter_text(&parameters, known->hash);
    bool done = connection_ask(store->connection, &request, &parameters, &answer, fault);
    parameters_free(&parameters);
    return (done && read_head(answer, known, ret_head, fault)) || fault_within(fault, "follow the chain");
}
