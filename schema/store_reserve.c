#include "schema/store_inside.h"

#include "base/bytes.h"

#include <string.h>

#define SHA256_BYTES 32

bool store_policy_register(struct store *store, const struct store_policy *policy, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, policy->id);
    parameter_number(&parameters, policy->version);
    parameter_text(&parameters, policy->alphabet);
    parameter_number(&parameters, policy->length);
    parameter_decimal(&parameters, policy->minimum_entropy_bits);
    parameter_text(&parameters, policy->valid_from);
    parameter_text(&parameters, policy->valid_until);
    parameter_text(&parameters, policy->review_by);
    parameter_text(&parameters, policy->approver);
    parameter_bytes(&parameters, policy->sha256, SHA256_BYTES);
    return store_do(store, "register policy",
                    "SELECT FROM api.policy_register($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", &parameters, fault);
}

bool store_issuer_register(struct store *store, const struct store_issuer *issuer, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_bytes(&parameters, issuer->der, issuer->der_size);
    parameter_text(&parameters, issuer->subject);
    parameter_text(&parameters, issuer->token_label);
    return store_do(store, "register issuer", "SELECT FROM api.issuer_register($1, $2, $3)", &parameters, fault);
}

/* The columns of api.reserve, in its order. */
enum { ATTEMPT, ARRIVAL, STATE, ATTEMPT_NUMBER, INTERRUPTED, SERIAL, MAC, MAC_COUNT, LABEL, LABEL_COPY };

static bool read_reservation(const PGresult *answer, struct store_reservation *ret_reservation, struct fault *fault)
{
    struct store_reservation read = {0};
    char arrival[8];
    if (!uuid_parse(PQgetvalue(answer, 0, ATTEMPT), &read.attempt, fault) ||
        !answer_text(answer, 0, ARRIVAL, arrival, sizeof arrival, fault) ||
        !answer_text(answer, 0, STATE, read.state, sizeof read.state, fault) ||
        !answer_unsigned(answer, 0, ATTEMPT_NUMBER, &read.attempt_number, fault) ||
        !answer_text(answer, 0, SERIAL, read.serial, sizeof read.serial, fault) ||
        !answer_number(answer, 0, MAC, &read.mac, (UINT64_C(1) << 48) - 1, fault) ||
        !answer_unsigned(answer, 0, MAC_COUNT, &read.mac_count, fault) ||
        !answer_text(answer, 0, LABEL, read.label, sizeof read.label, fault) ||
        !answer_unsigned(answer, 0, LABEL_COPY, &read.label_copy, fault))
        return false;
    read.arrival = strcmp(arrival, "resume") == 0 ? STORE_RESUME : STORE_NEW;
    read.interrupted = answer_bool(answer, 0, INTERRUPTED);
    if (!serial_is_valid(read.serial))
        return fault_set(fault, FAULT_RECORD_SHAPE, 0, "the record gave a serial with a wrong check character");
    *ret_reservation = read;
    return true;
}

bool store_reserve(struct store *store, const struct store_arriving *arriving,
                   struct store_reservation *ret_reservation, struct fault *fault)
{
    static const struct column columns[] = {
        [ATTEMPT] = {"attempt", COLUMN_UUID},
        [ARRIVAL] = {"arrival", COLUMN_TEXT},
        [STATE] = {"state", COLUMN_TEXT},
        [ATTEMPT_NUMBER] = {"attempt_number", COLUMN_INTEGER},
        [INTERRUPTED] = {"interrupted", COLUMN_BOOL},
        [SERIAL] = {"serial", COLUMN_TEXT},
        [MAC] = {"mac", COLUMN_BIGINT},
        [MAC_COUNT] = {"mac_count", COLUMN_INTEGER},
        [LABEL] = {"label", COLUMN_TEXT},
        [LABEL_COPY] = {"label_copy", COLUMN_INTEGER},
    };
    static const struct request request = {
        .sql = "SELECT attempt, arrival, state, attempt_number, interrupted, serial, mac, mac_count, label, label_copy"
               " FROM api.reserve($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        .writes = true,
        .columns = columns,
        .column_count = ARRAY_SIZE(columns),
    };
    struct parameters parameters = {0};
    parameter_uuid(&parameters, &arriving->attempt);
    parameter_number(&parameters, arriving->slot);
    parameter_text(&parameters, arriving->order);
    parameter_text(&parameters, arriving->operator_badge);
    parameter_bytes(&parameters, arriving->hardware_id, arriving->hardware_id_size);
    parameter_text(&parameters, arriving->model);
    parameter_text(&parameters, arriving->firmware_version);
    parameter_bytes(&parameters, arriving->firmware_sha256, SHA256_BYTES);
    parameter_bytes(&parameters, arriving->product_sha256, SHA256_BYTES);

    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault) ||
        !read_reservation(answer, ret_reservation, fault))
        return fault_within(fault, "reserve");
    return true;
}
