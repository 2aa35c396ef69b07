#include "jigs/known_defaults.h"

#include <string.h>

#include "jigs/digest.h"
#include "jigs/value.h"

struct default_texts {
    char *user, *password;
};

struct list_texts {
    struct default_texts *entries;
    unsigned entries_count;
};

static const struct cyaml_schema_field default_fields[] = {
    DOCUMENT_TEXT("user", struct default_texts, user),
    DOCUMENT_TEXT("password", struct default_texts, password),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value default_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct default_texts, default_fields)};

static const struct cyaml_schema_field list_fields[] = {
    CYAML_FIELD_SEQUENCE("known_defaults", CYAML_FLAG_POINTER, struct list_texts, entries, &default_entry, 1,
                         PRODUCT_LIST_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value list_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct list_texts, list_fields)};

/* Either may be empty, and an empty password is a default like any other. */
static bool read_part(const struct spot *spot, const char *key, const char *text, char *ret_text, size_t size)
{
    if (text[0] == '\0') {
        ret_text[0] = '\0';
        return true;
    }
    return value_read_text(spot, key, text, VALUE_MODEL, ret_text, size);
}

static bool read_entry(const struct document *document, const struct list_texts *texts, unsigned index,
                       struct product *product, struct fault *fault)
{
    char key[32];
    document_entry_key(key, sizeof key, "known_defaults", index);
    const struct spot spot = {.document = document, .under = key, .fault = fault};
    struct known_default *entry = &product->known_defaults[index];
    if (!read_part(&spot, "user", texts->entries[index].user, entry->user, sizeof entry->user) ||
        !read_part(&spot, "password", texts->entries[index].password, entry->password, sizeof entry->password))
        return false;
    for (unsigned i = 0; i < index; i++)
        if (strcmp(product->known_defaults[i].user, entry->user) == 0 &&
            strcmp(product->known_defaults[i].password, entry->password) == 0)
            return document_refuse(&spot, "", FAULT_CONFIG_VALUE, "expected each pair once; this is entry %u again",
                                   i + 1);
    return true;
}

bool known_defaults_parse(const uint8_t *bytes, size_t size, const char *path, struct product *product,
                          struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &list_schema, &document, fault) ||
        !digest_sha256(bytes, size, product->known_defaults_sha256, fault))
        return false;
    const struct list_texts *texts = document.root;
    for (unsigned i = 0; i < texts->entries_count; i++)
        if (!read_entry(&document, texts, i, product, fault))
            return false;
    product->known_default_count = texts->entries_count;
    return true;
}

bool known_defaults_read(const char *path, struct product *product, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && known_defaults_parse(bytes, size, path, product, fault);
}
