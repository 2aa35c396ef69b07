#include "jigs/read.h"

#include <stdlib.h>
#include <string.h>

#include "jigs/token_texts.h"
#include "jigs/value.h"

struct custodian_texts {
    char *name, *role;
};

struct ceremony_texts {
    char *organization, *country, *root_years, *issuing_years, *station_years, *output;
    struct token_texts root, recovery;
    struct token_texts *spare;
    struct token_texts *production;
    unsigned production_count;
    struct custodian_texts *custodians;
    unsigned custodians_count;
};

static const struct cyaml_schema_value production_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct token_texts, token_fields)};

static const struct cyaml_schema_field custodian_fields[] = {
    DOCUMENT_TEXT("name", struct custodian_texts, name),
    DOCUMENT_TEXT("role", struct custodian_texts, role),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value custodian_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct custodian_texts, custodian_fields)};

static const struct cyaml_schema_field ceremony_fields[] = {
    DOCUMENT_TEXT("organization", struct ceremony_texts, organization),
    DOCUMENT_TEXT("country", struct ceremony_texts, country),
    CYAML_FIELD_MAPPING("root", CYAML_FLAG_DEFAULT, struct ceremony_texts, root, token_fields),
    CYAML_FIELD_SEQUENCE("production", CYAML_FLAG_POINTER, struct ceremony_texts, production, &production_entry, 1,
                         CEREMONY_PRODUCTION_MAX),
    CYAML_FIELD_MAPPING("recovery", CYAML_FLAG_DEFAULT, struct ceremony_texts, recovery, token_fields),
    CYAML_FIELD_MAPPING_PTR("spare", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ceremony_texts, spare,
                            token_fields),
    CYAML_FIELD_SEQUENCE("custodians", CYAML_FLAG_POINTER, struct ceremony_texts, custodians, &custodian_entry, 1,
                         CEREMONY_CUSTODIANS_MAX),
    DOCUMENT_TEXT("root_years", struct ceremony_texts, root_years),
    DOCUMENT_TEXT("issuing_years", struct ceremony_texts, issuing_years),
    DOCUMENT_TEXT("station_years", struct ceremony_texts, station_years),
    DOCUMENT_TEXT("output", struct ceremony_texts, output),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value ceremony_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ceremony_texts, ceremony_fields)};

static bool read_country(const struct spot *spot, const char *text, char ret_country[3])
{
    if (strlen(text) != 2 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
        return document_refuse(spot, "country", FAULT_CONFIG_VALUE, "expected two letters A-Z, found '%.40s'", text);
    memcpy(ret_country, text, 3);
    return true;
}

static bool read_token(const struct spot *top, const char *key, const struct token_texts *texts,
                       struct ceremony_token *ret_token)
{
    if (!texts)
        return true;
    const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
    return token_read_texts(&spot, texts, ret_token->module, ret_token->uri, ret_token->pin_file, CEREMONY_PATH_SIZE);
}

static bool read_production(const struct spot *top, const struct ceremony_texts *texts, struct ceremony *ceremony)
{
    for (unsigned i = 0; i < texts->production_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "production", i);
        if (!read_token(top, key, &texts->production[i], &ceremony->production[i]))
            return false;
    }
    ceremony->production_count = texts->production_count;
    return true;
}

static bool read_custodians(const struct spot *top, const struct ceremony_texts *texts, struct ceremony *ceremony)
{
    for (unsigned i = 0; i < texts->custodians_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "custodians", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        struct ceremony_custodian *custodian = &ceremony->custodians[i];
        if (!value_read_text(&spot, "name", texts->custodians[i].name, VALUE_WORDS, custodian->name,
                             sizeof custodian->name) ||
            !value_read_text(&spot, "role", texts->custodians[i].role, VALUE_WORDS, custodian->role,
                             sizeof custodian->role))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(ceremony->custodians[k].name, custodian->name) == 0)
                return document_refuse(&spot, "name", FAULT_CONFIG_VALUE,
                                       "expected each custodian once, found '%.40s' again", custodian->name);
    }
    ceremony->custodian_count = texts->custodians_count;
    return true;
}

/* Keys that guard against each other on one token would guard nothing. */
static bool check_tokens(const struct spot *top, const struct ceremony *ceremony)
{
    struct {
        char key[32];
        const struct ceremony_token *token;
    } tokens[3 + CEREMONY_PRODUCTION_MAX] = {{"root", &ceremony->root}};
    size_t count = 1;
    for (unsigned i = 0; i < ceremony->production_count; i++) {
        document_entry_key(tokens[count].key, sizeof tokens[count].key, "production", i);
        tokens[count++].token = &ceremony->production[i];
    }
    memcpy(tokens[count].key, "recovery", sizeof "recovery");
    tokens[count++].token = &ceremony->recovery;
    memcpy(tokens[count].key, "spare", sizeof "spare");
    tokens[count++].token = &ceremony->spare;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(tokens[i].token->module, tokens[k].token->module) == 0 &&
                strcmp(tokens[i].token->uri, tokens[k].token->uri) == 0)
                return document_refuse(top, tokens[i].key, FAULT_CONFIG_VALUE,
                                       "expected a token of its own, found that of %s again", tokens[k].key);
    return true;
}

static bool read_years(const struct spot *top, const struct ceremony_texts *texts, struct ceremony *ceremony)
{
    return value_read_number(top, "root_years", texts->root_years, 1, 50, &ceremony->root_years) &&
           value_read_number(top, "issuing_years", texts->issuing_years, 1, ceremony->root_years,
                             &ceremony->issuing_years) &&
           value_read_number(top, "station_years", texts->station_years, 1, ceremony->root_years,
                             &ceremony->station_years);
}

static bool read_ceremony(const struct spot *top, const struct ceremony_texts *texts, struct ceremony *ceremony)
{
    return value_read_text(top, "organization", texts->organization, VALUE_WORDS, ceremony->organization,
                           sizeof ceremony->organization) &&
           read_country(top, texts->country, ceremony->country) &&
           read_token(top, "root", &texts->root, &ceremony->root) && read_production(top, texts, ceremony) &&
           read_token(top, "recovery", &texts->recovery, &ceremony->recovery) &&
           read_token(top, "spare", texts->spare, &ceremony->spare) && check_tokens(top, ceremony) &&
           read_custodians(top, texts, ceremony) && read_years(top, texts, ceremony) &&
           value_read_path(top, "output", texts->output, ceremony->output, sizeof ceremony->output);
}

bool ceremony_parse(const uint8_t *bytes, size_t size, const char *path, struct ceremony **ret_ceremony,
                    struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &ceremony_schema, &document, fault))
        return false;
    CLEANUP(ceremony_freep) struct ceremony *ceremony = calloc(1, sizeof *ceremony);
    if (!ceremony)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory for a ceremony", document.name);
    const struct spot top = {.document = &document, .under = "", .fault = fault};
    if (!read_ceremony(&top, document.root, ceremony))
        return false;
    *ret_ceremony = TAKE(ceremony);
    return true;
}

bool ceremony_read(const char *path, struct ceremony **ret_ceremony, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && ceremony_parse(bytes, size, path, ret_ceremony, fault);
}

void ceremony_free(struct ceremony *ceremony)
{
    free(ceremony);
}
