#include "hsm/ceremony.h"

#include "hsm/authority.h"
#include "hsm/make.h"
#include "hsm/output.h"
#include "hsm/record.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define YEARS_MAX 100
#define RECORD "ceremony.json"

/* The plan, in the order in which it is carried out: the root first, because it certifies the others. */
enum place { ROOT, ISSUING, STATION, FINGERPRINT, CHECKPOINT, RECOVERY, SPARE, PLACES };

static const struct make_order orders[PLACES] = {
    [ROOT] = {.label = KEY_ROOT, .use = MAKE_SIGN, .asks_pin = true},
    [ISSUING] = {.label = KEY_ISSUING, .use = MAKE_SIGN},
    [STATION] = {.label = KEY_STATION, .use = MAKE_SIGN},
    [FINGERPRINT] = {.label = KEY_FINGERPRINT, .use = MAKE_MAC},
    [CHECKPOINT] = {.label = KEY_CHECKPOINT, .use = MAKE_SIGN},
    [RECOVERY] = {.label = KEY_RECOVERY, .use = MAKE_DERIVE},
    [SPARE] = {.label = KEY_SPARE, .use = MAKE_DERIVE},
};

static const char *const files[PLACES] = {
    [ROOT] = "root.pem",         [ISSUING] = "issuing.pem", [STATION] = "station.pem", [CHECKPOINT] = "checkpoint.pem",
    [RECOVERY] = "recovery.pem", [SPARE] = "spare.pem",
};

struct ceremony_state {
    const struct ceremony_tokens *tokens;
    const struct ceremony_names *names;
    struct made_key made[PLACES];
    X509 *certificates[PLACES];
    char *pem[PLACES];
    char *record;
    bool done;
};

/* Keys of a ceremony that failed are of no use to anybody and would block the next one. */
static void state_end(struct ceremony_state *state)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (!state->done && state->made[i].token)
            make_undo(&state->made[i]);
        X509_free(state->certificates[i]);
        free(state->pem[i]);
    }
    free(state->record);
}

static struct token *token_at(const struct ceremony_tokens *tokens, enum place place)
{
    if (place == ROOT)
        return tokens->root;
    if (place == RECOVERY)
        return tokens->recovery;
    return place == SPARE ? tokens->spare : tokens->production;
}

static bool years_fit(unsigned years)
{
    return years >= 1 && years <= YEARS_MAX;
}

static bool check_names(const struct ceremony_names *names, struct fault *fault)
{
    size_t length = names->organization ? strnlen(names->organization, 65) : 0;
    if (length == 0 || length > 64)
        return fault_set(fault, FAULT_USAGE, 0, "organization must have 1 to 64 bytes");
    const char *country = names->country;
    if (!country || strnlen(country, 3) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
        country[1] > 'Z')
        return fault_set(fault, FAULT_USAGE, 0, "country must be two capital letters");
    if (!years_fit(names->root_years) || !years_fit(names->issuing_years) || !years_fit(names->station_years))
        return fault_set(fault, FAULT_USAGE, 0, "years must be 1 to %d", YEARS_MAX);
    return true;
}

/* Before anything is made: no key and no file of the whole plan may be there. */
static bool check_free(const struct ceremony_state *state, struct fault *fault)
{
    const char *names[PLACES + 1];
    size_t count = 0;
    for (enum place place = 0; place < PLACES; place++) {
        struct token *token = token_at(state->tokens, place);
        if (token && !make_check_free(token, orders[place].label, fault))
            return false;
        if (files[place])
            names[count++] = files[place];
    }
    names[count++] = RECORD;
    return output_check(state->names->output, names, count, fault);
}

static bool make_keys(struct ceremony_state *state, struct fault *fault)
{
    for (enum place place = 0; place < PLACES; place++) {
        struct token *token = token_at(state->tokens, place);
        if (token && !make_key(token, &orders[place], &state->made[place], fault))
            return false;
    }
    return true;
}

static bool certify(struct ceremony_state *state, struct fault *fault)
{
    const struct ceremony_names *names = state->names;
    const char *leaf = "critical,CA:FALSE", *sign = "critical,digitalSignature", *agree = "critical,keyAgreement";
    const struct authority_row rows[PLACES] = {
        [ROOT] = {KEY_ROOT, "Root CA", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign", NULL,
                  names->root_years},
        [ISSUING] = {KEY_ISSUING, "Issuing CA", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL,
                     names->issuing_years},
        [STATION] = {KEY_STATION, "Provisioning station", leaf, sign, "serverAuth", names->station_years},
        [CHECKPOINT] = {KEY_CHECKPOINT, "Log checkpoint", leaf, sign, NULL, names->root_years},
        [RECOVERY] = {KEY_RECOVERY, "Recovery", leaf, agree, NULL, names->root_years},
        [SPARE] = {KEY_SPARE, "Spare recovery", leaf, agree, NULL, names->root_years},
    };
    struct authority authority = {
        .token = state->tokens->root, .key = &state->made[ROOT].key, .pin = state->tokens->root_pin};
    for (enum place place = 0; place < PLACES; place++) {
        if (!files[place] || !state->made[place].token)
            continue;
        if (!authority_certify(&authority, &rows[place], names, state->made[place].key.point,
                               &state->certificates[place], fault))
            return false;
        authority.root = state->certificates[ROOT];
    }
    return true;
}

static bool encode_pem(X509 *certificate, char **ret_text, size_t *ret_size, struct fault *fault)
{
    CLEANUP(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!memory || PEM_write_bio_X509(memory, certificate) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "write certificate");
    long size = BIO_get_mem_data(memory, &bytes);
    char *text = size > 0 ? strndup(bytes, (size_t)size) : NULL;
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "write certificate");
    *ret_text = text;
    *ret_size = (size_t)size;
    return true;
}

/* The record comes last: a directory with ceremony.json in it is a whole ceremony. */
static bool write_output(struct ceremony_state *state, struct fault *fault)
{
    struct output_file output[PLACES + 1];
    struct record_entry entries[PLACES];
    size_t count = 0, entry_count = 0, size;
    for (enum place place = 0; place < PLACES; place++) {
        if (!state->made[place].token)
            continue;
        entries[entry_count++] = (struct record_entry){&state->made[place], files[place], state->certificates[place]};
        if (!files[place])
            continue;
        if (!encode_pem(state->certificates[place], &state->pem[place], &size, fault))
            return false;
        output[count++] = (struct output_file){files[place], state->pem[place], size};
    }
    if (!record_write(state->names, entries, entry_count, &state->record, &size, fault))
        return false;
    output[count++] = (struct output_file){RECORD, state->record, size};
    return output_write(state->names->output, output, count, fault);
}

bool ceremony_perform(const struct ceremony_tokens *tokens, const struct ceremony_names *names, struct fault *fault)
{
    CLEANUP(state_end) struct ceremony_state state = {.tokens = tokens, .names = names};
    if (!check_names(names, fault) || !check_free(&state, fault) || !make_keys(&state, fault) ||
        !certify(&state, fault) || !write_output(&state, fault))
        return fault_within(fault, "key ceremony");
    state.done = true;
    return true;
}
