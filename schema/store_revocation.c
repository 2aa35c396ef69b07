#include "schema/store_revocation.h"

#include "base/bytes.h"
#include "schema/store_inside.h"

#include <string.h>

bool store_crl_next(struct store *store, const uint8_t *issuer_sha256, struct store_crl_next *ret_next,
                    struct fault *fault)
{
    static const struct column columns[] = {
        {"number", COLUMN_BIGINT}, {"last_update", COLUMN_BIGINT}, {"now", COLUMN_BIGINT}, {"revoked", COLUMN_BIGINT}};
    static const struct request request = {
        .sql = "SELECT number, last_update, now, revoked FROM api.crl_next($1)",
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_bytes(&parameters, issuer_sha256, 32);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    struct store_crl_next next = {0};
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !answer_number(answer, 0, 0, &next.number, INT64_MAX, fault) ||
        !answer_number(answer, 0, 1, &next.last_update, INT64_MAX, fault) ||
        !answer_number(answer, 0, 2, &next.now, INT64_MAX, fault) ||
        !answer_number(answer, 0, 3, &next.revoked, INT64_MAX, fault))
        return fault_within(fault, "next revocation list");
    *ret_next = next;
    return true;
}

static bool read_revoked(const PGresult *answer, int row, struct store_revoked *ret_revoked, struct fault *fault)
{
    struct store_revoked revoked = {0};
    char hex[2 * sizeof revoked.serial + 1];
    if (!answer_text(answer, row, 0, hex, sizeof hex, fault) ||
        !answer_number(answer, row, 1, &revoked.at, INT64_MAX, fault) ||
        !answer_unsigned(answer, row, 2, &revoked.reason, fault))
        return false;
    revoked.serial_size = strlen(hex) / 2;
    if (!hex_read(hex, revoked.serial, revoked.serial_size, fault))
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "a serial number is not hexadecimal");
    *ret_revoked = revoked;
    return true;
}

bool store_crl_page(struct store *store, const uint8_t *issuer_sha256, const struct store_revoked *after,
                    struct store_revoked *ret_revoked, size_t *ret_count, struct fault *fault)
{
    static const struct column columns[] = {
        {"serial", COLUMN_TEXT}, {"revoked_at", COLUMN_BIGINT}, {"reason", COLUMN_INTEGER}};
    static const struct request request = {
        .sql = "SELECT serial, revoked_at, reason FROM api.crl_page($1, $2, $3)",
        .any_rows = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_bytes(&parameters, issuer_sha256, 32);
    parameter_bytes(&parameters, after ? after->serial : (const uint8_t *)"", after ? after->serial_size : 0);
    parameter_number(&parameters, STORE_CRL_PAGE);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault))
        return fault_within(fault, "revoked certificates");
    size_t count = (size_t)PQntuples(answer);
    if (count > STORE_CRL_PAGE)
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "a page of %zu revoked certificates", count);
    for (size_t i = 0; i < count; i++)
        if (!read_revoked(answer, (int)i, &ret_revoked[i], fault))
            return fault_within(fault, "revoked certificates");
    *ret_count = count;
    return true;
}

bool store_crl_register(struct store *store, const struct store_crl *crl, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_bytes(&parameters, crl->issuer_sha256, 32);
    parameter_number(&parameters, crl->number);
    parameter_number(&parameters, crl->this_update);
    parameter_number(&parameters, crl->next_update);
    parameter_number(&parameters, crl->revoked);
    parameter_bytes(&parameters, crl->sha256, 32);
    return store_do(store, "register revocation list", "SELECT FROM api.crl_register($1, $2, $3, $4, $5, $6)",
                    &parameters, fault);
}
