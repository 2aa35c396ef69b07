#include "schema/store_inside.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define SHA256_BYTES 32

/* Starts each of `count` arrays, or none. */
static bool begin_arrays(struct array *arrays, size_t count, struct parameters *parameters)
{
    for (size_t i = 0; i < count; i++)
        if (!array_begin(&arrays[i]))
            parameters->failed = true;
    return !parameters->failed;
}

bool store_intent(struct store *store, const struct store_intent *intent, struct fault *fault)
{
    enum { KINDS, POLICIES, VERSIONS, FINGERPRINTS, SEALS, RECOVERY_KEYS, ARRAYS };
    struct parameters parameters = {0};
    struct array arrays[ARRAYS];
    parameter_uuid(&parameters, &intent->attempt);
    bool begun = begin_arrays(arrays, ARRAYS, &parameters);
    for (size_t i = 0; begun && i < intent->credential_count; i++) {
        const struct store_credential *credential = &intent->credentials[i];
        array_add_text(&arrays[KINDS], credential->kind);
        array_add_text(&arrays[POLICIES], credential->policy_id);
        array_add_number(&arrays[VERSIONS], credential->policy_version);
        array_add_bytes(&arrays[FINGERPRINTS], credential->fingerprint, SHA256_BYTES);
        array_add_bytes(&arrays[SEALS], credential->sealed, credential->sealed_size);
        array_add_bytes(&arrays[RECOVERY_KEYS], credential->recovery_key, SHA256_BYTES);
    }
    for (size_t i = 0; i < ARRAYS; i++)
        parameter_array(&parameters, &arrays[i]);
    parameter_bytes(&parameters, intent->issuer_sha256, SHA256_BYTES);
    parameter_bytes(&parameters, intent->certificate_serial, intent->certificate_serial_size);
    parameter_bytes(&parameters, intent->certificate_sha256, SHA256_BYTES);
    parameter_bytes(&parameters, intent->spki_sha256, SHA256_BYTES);
    parameter_bytes(&parameters, intent->certificate, intent->certificate_size);
    return store_do(store, "intent", "SELECT FROM api.intent($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                    &parameters, fault);
}

bool store_injected(struct store *store, const struct uuid *attempt, const uint8_t receipt[32], struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    parameter_bytes(&parameters, receipt, SHA256_BYTES);
    return store_do(store, "injected", "SELECT FROM api.injected($1, $2)", &parameters, fault);
}

/* Three arrays: names, verdicts, facts. */
static void add_evidence(struct parameters *parameters, const struct store_evidence *evidence, size_t count)
{
    static const char *const verdicts[] = {
        [STORE_SHOWN] = "shown", [STORE_FAILED] = "failed", [STORE_NOT_APPLICABLE] = "not_applicable"};
    enum { NAMES, VERDICTS, FACTS, ARRAYS };
    struct array arrays[ARRAYS];
    bool begun = begin_arrays(arrays, ARRAYS, parameters);
    for (size_t i = 0; begun && i < count; i++) {
        array_add_text(&arrays[NAMES], evidence[i].name);
        array_add_text(&arrays[VERDICTS], verdicts[evidence[i].verdict]);
        array_add_text(&arrays[FACTS], evidence[i].facts);
    }
    for (size_t i = 0; i < ARRAYS; i++)
        parameter_array(parameters, &arrays[i]);
}

bool store_verified(struct store *store, const struct uuid *attempt, const struct store_evidence *evidence,
                    size_t count, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    add_evidence(&parameters, evidence, count);
    return store_do(store, "verified", "SELECT FROM api.verified($1, $2, $3, $4)", &parameters, fault);
}

bool store_labelling(struct store *store, const struct store_label *label, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_uuid(&parameters, &label->attempt);
    parameter_text(&parameters, label->label);
    parameter_number(&parameters, label->copy);
    parameter_text(&parameters, label->printer);
    parameter_bytes(&parameters, label->template_sha256, SHA256_BYTES);
    parameter_bytes(&parameters, label->bitmap_sha256, label->bitmap_sha256 ? SHA256_BYTES : 0);
    return store_do(store, "labelling", "SELECT FROM api.labelling($1, $2, $3, $4, $5, $6)", &parameters, fault);
}

bool store_labelled(struct store *store, const struct uuid *attempt, const char *label, enum store_print_level level,
                    struct fault *fault)
{
    static const char *const levels[] = {
        [STORE_PRINT_SENT] = "sent", [STORE_PRINT_CLAIMED] = "claimed", [STORE_PRINT_COUNTED] = "counted"};
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    parameter_text(&parameters, label);
    parameter_text(&parameters, levels[level]);
    return store_do(store, "labelled", "SELECT FROM api.labelled($1, $2, $3)", &parameters, fault);
}

/* The database answers a scan with a word, because its row must be kept whatever the answer. */
static const struct scan_answer {
    const char *word;
    enum fault_code code;
    const char *text;
} scan_answers[] = {
    {"matched", FAULT_NONE, ""},
    {"seen", FAULT_NONE, ""},
    {"spoilt", FAULT_NONE, ""},
    {"wrong_unit", FAULT_SCAN_WRONG_UNIT, "the label is not of the unit in this slot"},
    {"dead_label", FAULT_SCAN_DEAD_LABEL, "the label is not the live one of this unit"},
    {"not_expected", FAULT_SCAN_NOT_EXPECTED, "the unit is not labelled yet"},
};

static bool ask_scan(struct store *store, const char *what, const char *sql, const struct store_scan *scan,
                     struct fault *fault)
{
    static const struct column columns[] = {{"answer", COLUMN_TEXT}};
    const struct request request = {
        .sql = sql, .writes = true, .columns = columns, .column_count = ARRAY_SIZE(columns)};
    struct parameters parameters = {0};
    parameter_uuid(&parameters, &scan->attempt);
    parameter_text(&parameters, scan->serial);
    parameter_text(&parameters, scan->label);
    CLEANUP(answer_clearp) PGresult *answer = NULL;
    if (!connection_ask(store->connection, &request, &parameters, &answer, fault))
        return fault_within(fault, "%s", what);
    for (size_t i = 0; i < ARRAY_SIZE(scan_answers); i++)
        if (strcmp(PQgetvalue(answer, 0, 0), scan_answers[i].word) == 0)
            return scan_answers[i].code == FAULT_NONE ||
                   fault_set(fault, scan_answers[i].code, 0, "%s: %s", what, scan_answers[i].text);
    return fault_set(fault, FAULT_RECORD_SHAPE, 0, "%s: an answer that this program does not know", what);
}

bool store_label_seen(struct store *store, const struct store_scan *scan, struct fault *fault)
{
    return ask_scan(store, "label seen", "SELECT answer FROM api.label_seen($1, $2, $3) AS answer", scan, fault);
}

bool store_label_void(struct store *store, const struct store_scan *scan, struct fault *fault)
{
    return ask_scan(store, "void label", "SELECT answer FROM api.label_void($1, $2, $3) AS answer", scan, fault);
}

bool store_scanned(struct store *store, const struct uuid *attempt, const char *serial, const char *label,
                   struct fault *fault)
{
    const struct store_scan scan = {*attempt, serial, label};
    return ask_scan(store, "scanned", "SELECT answer FROM api.scanned($1, $2, $3) AS answer", &scan, fault);
}

bool store_certificate_sha256(struct store *store, const struct uuid *attempt, uint8_t ret_sha256[32],
                              struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    char *text = NULL;
    if (!store_read_text(store, "certificate", "SELECT document FROM api.certificate_sha256($1) AS document",
                         &parameters, &text, fault))
        return false;
    bool read = hex_read(text, ret_sha256, SHA256_BYTES, fault) ||
                fault_set(fault, FAULT_RECORD_SHAPE, 0, "certificate: no SHA-256");
    free(text);
    return read;
}

bool store_close_unit(struct store *store, const struct uuid *attempt, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    return store_do(store, "close unit", "SELECT FROM api.close($1)", &parameters, fault);
}

/* A fault's text may quote what a unit said, or end within a character; the database takes whole UTF-8 only, and a
 * failure must be recorded whatever it says. */
static void plain_text(const char *text, char *ret_text, size_t size)
{
    size_t length = strnlen(text, size - 1);
    for (size_t i = 0; i < length; i++)
        ret_text[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    ret_text[length] = '\0';
}

bool store_fail(struct store *store, const struct uuid *attempt, const struct fault *why,
                const struct store_evidence *evidence, size_t count, struct fault *fault)
{
    char text[sizeof why->text];
    plain_text(why->text, text, sizeof text);
    struct parameters parameters = {0};
    parameter_uuid(&parameters, attempt);
    parameter_number(&parameters, why->code);
    parameter_text(&parameters, fault_name(why->code));
    parameter_text(&parameters, text);
    add_evidence(&parameters, evidence, count);
    return store_do(store, "fail", "SELECT FROM api.fail($1, $2, $3, $4, $5, $6, $7)", &parameters, fault);
}

bool store_unit_scrap(struct store *store, const char *serial, const char *reason, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, serial);
    parameter_text(&parameters, reason);
    return store_do(store, "scrap unit", "SELECT FROM api.unit_scrap($1, $2)", &parameters, fault);
}
