#include "schema/store_inside.h"

#include <stdlib.h>

bool store_label_show(struct store *store, const char *label, char **ret_json, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, label);
    return store_read_text(store, "show label", "SELECT document FROM api.label_show($1) AS document", &parameters,
                           ret_json, fault);
}

/* The columns of api.label_count, and of api.shift_close, which has one more. */
enum { COUNT_COLUMNS = 8 };
static const struct column count_columns[] = {
    {"made", COLUMN_BIGINT},     {"printed", COLUMN_BIGINT},     {"live", COLUMN_BIGINT},
    {"voided", COLUMN_BIGINT},   {"dead", COLUMN_BIGINT},        {"in_work", COLUMN_BIGINT},
    {"not_sent", COLUMN_BIGINT}, {"unconfirmed", COLUMN_BIGINT}, {"again", COLUMN_BOOL},
};

static bool read_count(const PGresult *answer, struct store_label_count *ret_count, struct fault *fault)
{
    struct store_label_count count = {0};
    unsigned *const numbers[] = {&count.made, &count.printed, &count.live,     &count.voided,
                                 &count.dead, &count.in_work, &count.not_sent, &count.unconfirmed};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (!answer_unsigned(answer, 0, (int)i, numbers[i], fault))
            return false;
    *ret_count = count;
    return true;
}

bool store_label_count(struct store *store, const char *order, struct store_label_count *ret_count, struct fault *fault)
{
    static const struct request request = {
        .sql = "SELECT made, printed, live, voided, dead, in_work, not_sent, unconfirmed FROM api.label_count($1)",
        .columns = count_columns,
        .column_count = COUNT_COLUMNS,
    };
    struct parameters parameters = {0};
    parameter_text(&parameters, order);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    return (connection_ask(store->connection, &request, &parameters, &answer, fault) &&
            read_count(answer, ret_count, fault)) ||
           fault_within(fault, "count labels");
}

bool store_shift_close(struct store *store, const char *station, const char *badge, struct store_label_count *ret_count,
                       bool *ret_again, struct fault *fault)
{
    static const struct request request = {
        .sql = "SELECT made, printed, live, voided, dead, in_work, not_sent, unconfirmed, again "
               "FROM api.shift_close($1, $2)",
        .writes = true,
        .columns = count_columns,
        .column_count = COUNT_COLUMNS + 1,
    };
    struct parameters parameters = {0};
    parameter_text(&parameters, station);
    parameter_text(&parameters, badge);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !read_count(answer, ret_count, fault))
        return fault_within(fault, "close shift");
    *ret_again = answer_bool(answer, 0, COUNT_COLUMNS);
    return true;
}

/* The columns of api.label_findings and api.shift_findings, in their order. */
enum { FINDING, SERIAL, LABEL, COPY, AT };

static bool read_finding(const PGresult *answer, int row, struct store_label_finding *ret_finding, struct fault *fault)
{
    struct store_label_finding found = {0};
    if (!answer_text(answer, row, FINDING, found.finding, sizeof found.finding, fault) ||
        !answer_text(answer, row, SERIAL, found.serial, sizeof found.serial, fault) ||
        !answer_text(answer, row, LABEL, found.label, sizeof found.label, fault) ||
        !answer_unsigned(answer, row, COPY, &found.copy, fault) ||
        !answer_text(answer, row, AT, found.at, sizeof found.at, fault))
        return false;
    *ret_finding = found;
    return true;
}

static bool ask_findings(struct store *store, const char *sql, const char *about,
                         struct store_label_findings *ret_findings, struct fault *fault)
{
    static const struct column columns[] = {
        [FINDING] = {"finding", COLUMN_TEXT}, [SERIAL] = {"serial", COLUMN_TEXT}, [LABEL] = {"label", COLUMN_TEXT},
        [COPY] = {"copy", COLUMN_INTEGER},    [AT] = {"at", COLUMN_TEXT},
    };
    const struct request request = {
        .sql = sql, .any_rows = true, .columns = columns, .column_count = ARRAY_SIZE(columns)};
    struct parameters parameters = {0};
    parameter_text(&parameters, about);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault))
        return false;

    size_t count = (size_t)PQntuples(answer);
    CLEANUP(store_label_findings_free)
    struct store_label_findings findings = {.each = calloc(count + 1, sizeof *findings.each)};
    if (!findings.each)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%zu findings", count);
    for (; findings.count < count; findings.count++)
        if (!read_finding(answer, (int)findings.count, &findings.each[findings.count], fault))
            return false;
    *ret_findings = (struct store_label_findings){.count = findings.count, .each = TAKE(findings.each)};
    return true;
}

bool store_label_findings(struct store *store, const char *order, struct store_label_findings *ret_findings,
                          struct fault *fault)
{
    return ask_findings(store, "SELECT finding, serial, label, copy, at FROM api.label_findings($1)", order,
                        ret_findings, fault) ||
           fault_within(fault, "reconcile labels");
}

bool store_shift_findings(struct store *store, const char *station, struct store_label_findings *ret_findings,
                          struct fault *fault)
{
    return ask_findings(store, "SELECT finding, serial, label, copy, at FROM api.shift_findings($1)", station,
                        ret_findings, fault) ||
           fault_within(fault, "look through the shift");
}

void store_label_findings_free(struct store_label_findings *findings)
{
    free(findings->each);
    *findings = (struct store_label_findings){0};
}
