#include "hsm/ceremony.h"

#include "hsm/authority.h"
#include "hsm/backup.h"
#include "hsm/carry.h"
#include "hsm/output.h"
#include "hsm/place.h"
#include "hsm/record.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEARS_MAX 100
#define FILES_MAX (PLACES_MAX + 3)

struct ceremony_state {
    const struct ceremony_tokens *tokens;
    const struct ceremony_names *names;
    struct places places;
    bool carries; /* the fingerprint key is carried, and so backed up */
    struct backup backup;
    char *texts[FILES_MAX];
    size_t text_count;
    bool done;
};

/* Keys of a ceremony that failed are of no use to anybody and would block the next one. */
static void state_end(struct ceremony_state *state)
{
    for (size_t i = 0; i < state->places.count && !state->done; i++)
        if (state->places.at[i].made.token)
            make_undo(&state->places.at[i].made);
    for (size_t i = 0; i < state->text_count; i++)
        free(state->texts[i]);
    place_clear(&state->places);
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

static bool check_tokens(const struct ceremony_tokens *tokens, struct fault *fault)
{
    if (tokens->production_count < 1 || tokens->production_count > CEREMONY_TOKENS_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "there must be 1 to %d production tokens", CEREMONY_TOKENS_MAX);
    return true;
}

/* Before anything is made: no key and no file of the whole plan may be there. */
static bool check_free(const struct ceremony_state *state, struct fault *fault)
{
    const char *names[FILES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < state->places.count; i++) {
        const struct place *place = &state->places.at[i];
        if (!make_check_free(place->token, place_order(place)->label, fault))
            return false;
        if (place->file[0] != '\0')
            names[count++] = place->file;
    }
    names[count++] = BACKUP_CHECK_FILE;
    names[count++] = BACKUP_FILE;
    names[count++] = RECORD_FILE;
    return output_check(state->names->output, names, count, fault);
}

/* Before anything is made: can the fingerprint key come to every production token? One token alone may do without, and
 * then has no backup of it. */
static bool rehearse(struct ceremony_state *state, struct fault *fault)
{
    const struct ceremony_tokens *tokens = state->tokens;
    struct token *first = tokens->production[0];
    for (size_t i = 0; i < tokens->production_count; i++) {
        if (carry_rehearse(first, tokens->production[i], fault))
            continue;
        if (fault->code != FAULT_HSM_CANNOT || tokens->production_count > 1)
            return false;
        *fault = (struct fault){0};
        return true;
    }
    state->carries = true;
    return true;
}

static bool make_keys(struct ceremony_state *state, struct fault *fault)
{
    for (size_t i = 0; i < state->places.count; i++) {
        struct place *place = &state->places.at[i];
        if (place->kind == PLACE_FINGERPRINT && state->carries)
            continue;
        if (!make_choose(place->token, place_order(place), &place->made, fault) || !make_create(&place->made, fault) ||
            !make_examine(&place->made, state->tokens->root_pin, fault))
            return false;
    }
    return true;
}

static bool certify(struct ceremony_state *state, struct fault *fault)
{
    struct place *root = place_find(&state->places, PLACE_ROOT, 0);
    struct authority authority = {.token = root->token, .key = &root->made.key, .pin = state->tokens->root_pin};
    for (size_t i = 0; i < state->places.count; i++) {
        struct place *place = &state->places.at[i];
        char common_name[PLACE_COMMON_NAME_SIZE];
        if (place->file[0] == '\0')
            continue;
        const struct authority_row row = place_row(place, state->names, common_name);
        if (!authority_certify(&authority, &row, state->names, place->made.key.point, &place->certificate, fault))
            return false;
        authority.root = root->certificate;
    }
    return true;
}

/* The one value lives as an object of the first token's session for no longer than this takes. */
static bool make_fingerprints(struct ceremony_state *state, struct fault *fault)
{
    CLEANUP(carry_drop) struct carried key = {0};
    const struct place *recovery = place_find(&state->places, PLACE_RECOVERY, 0);
    if (!state->carries)
        return true;
    for (size_t i = 0; i < state->tokens->production_count; i++)
        call_make_writable(&state->tokens->production[i]->session);
    if (!carry_generate(state->tokens->production[0], &key, fault) ||
        !backup_make(&key, recovery->made.key.point, &state->backup, fault))
        return false;
    for (size_t i = 0; i < state->places.count; i++) {
        struct place *place = &state->places.at[i];
        if (place->kind != PLACE_FINGERPRINT)
            continue;
        if (!make_choose(place->token, place_order(place), &place->made, fault) || !carry_to(&key, &place->made, fault))
            return false;
    }
    return true;
}

/* A look at the keys costs their sessions on an error, so it comes when nothing lives in a session any more. */
static bool examine_fingerprints(struct ceremony_state *state, struct fault *fault)
{
    for (size_t i = 0; i < state->places.count && state->carries; i++) {
        struct place *place = &state->places.at[i];
        if (place->kind != PLACE_FINGERPRINT)
            continue;
        if (!make_examine(&place->made, NULL, fault))
            return false;
        if (memcmp(place->made.check, state->backup.check, sizeof place->made.check) != 0)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the fingerprint key on token '%s' has another value",
                             place->token->label);
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

static void add_output(struct ceremony_state *state, struct output_file *output, const char *name, char *text)
{
    output[state->text_count] = (struct output_file){name, text, strlen(text)};
    state->texts[state->text_count++] = text;
}

static bool add_backup(struct ceremony_state *state, struct output_file *output, struct fault *fault)
{
    const struct place *first = place_find(&state->places, PLACE_FINGERPRINT, 1);
    char *text;
    if (!backup_write_check(first->made.check, &text, fault))
        return false;
    add_output(state, output, BACKUP_CHECK_FILE, text);
    if (!state->carries)
        return true;
    if (!backup_write(&state->backup, &text, fault))
        return false;
    add_output(state, output, BACKUP_FILE, text);
    return true;
}

/* The record comes last: a directory with ceremony.json in it is a whole ceremony. */
static bool write_output(struct ceremony_state *state, struct fault *fault)
{
    struct output_file output[FILES_MAX];
    char *text;
    size_t size;
    for (size_t i = 0; i < state->places.count; i++) {
        struct place *place = &state->places.at[i];
        if (!place->certificate)
            continue;
        if (!encode_pem(place->certificate, &text, &size, fault))
            return false;
        add_output(state, output, place->file, text);
    }
    if (!add_backup(state, output, fault) || !record_write(state->names, &state->places, state->carries, &text, fault))
        return false;
    add_output(state, output, RECORD_FILE, text);
    return output_write(state->names->output, output, state->text_count, fault);
}

bool ceremony_perform(const struct ceremony_tokens *tokens, const struct ceremony_names *names, struct fault *fault)
{
    CLEANUP(state_end) struct ceremony_state state = {.tokens = tokens, .names = names};
    if (!check_names(names, fault) || !check_tokens(tokens, fault))
        return fault_within(fault, "key ceremony");
    place_all(tokens, &state.places);
    if (!check_free(&state, fault) || !rehearse(&state, fault) || !make_keys(&state, fault) ||
        !certify(&state, fault) || !make_fingerprints(&state, fault) || !examine_fingerprints(&state, fault) ||
        !write_output(&state, fault))
        return fault_within(fault, "key ceremony");
    state.done = true;
    return true;
}
