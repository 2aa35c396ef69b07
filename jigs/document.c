#include "jigs/document.h"

#include <stdio.h>
#include <string.h>

#include "jigs/characters.h"
#include "jigs/complaint.h"
#include "jigs/read.h"

const struct cyaml_schema_value document_text_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 1024)};

static bool check_characters(const uint8_t *bytes, size_t size, const char *name, struct fault *fault)
{
    const char *reason;
    size_t plain = characters_plain(bytes, size, true, &reason);
    if (plain == size)
        return true;
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < plain; i++) {
        bool begins_character = (bytes[i] & 0xc0) != 0x80;
        line += bytes[i] == '\n';
        column = bytes[i] == '\n' ? 1 : column + begins_character;
    }
    return fault_set(fault, FAULT_CONFIG_SYNTAX, 0, "%s:%u:%u: %s (byte 0x%02x); expected plain UTF-8 text", name, line,
                     column, reason, bytes[plain]);
}

static cyaml_config_t configure(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = complaint ? complaint_hear : NULL,
        .log_ctx = complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static bool load(const uint8_t *bytes, size_t size, struct document *document, struct fault *fault)
{
    struct complaint complaint = {0};
    cyaml_config_t config = configure(&complaint);
    cyaml_err_t error = cyaml_load_data(bytes, size, &config, document->schema, &document->root, NULL);
    if (error == CYAML_ERR_OOM)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory to read it", document->name);
    if (error != CYAML_OK && complaint.said[0] == '\0')
        return fault_set(fault, FAULT_CONFIG_SYNTAX, error, "%s: %s", document->name, cyaml_strerror(error));
    if (error != CYAML_OK)
        return complaint_refuse(&complaint, document->schema, &document->places, document->name, fault);
    if (!document->root)
        return fault_set(fault, FAULT_CONFIG_KEY, 0, "%s:1:1: the file sets no key", document->name);
    return true;
}

bool document_open(const uint8_t *bytes, size_t size, const char *path, const struct cyaml_schema_value *schema,
                   struct document *ret_document, struct fault *fault)
{
    CLEANUP(document_close) struct document document = {.path = path, .schema = schema};
    file_short_name(path, document.name);
    if (size > JIG_FILE_MAX)
        return fault_set(fault, FAULT_CONFIG_SYNTAX, 0, "%s: larger than %d bytes", document.name, JIG_FILE_MAX);
    if (size == 0)
        return fault_set(fault, FAULT_CONFIG_SYNTAX, 0, "%s: the file is empty", document.name);
    if (!check_characters(bytes, size, document.name, fault) ||
        !places_find(bytes, size, document.name, &document.places, fault) || !load(bytes, size, &document, fault))
        return false;
    *ret_document = document;
    document = (struct document){0};
    return true;
}

void document_close(struct document *document)
{
    if (document->root) {
        cyaml_config_t config = configure(NULL);
        (void)cyaml_free(&config, document->schema, document->root, 0);
    }
    places_free(&document->places);
    *document = (struct document){0};
}

bool document_read(const char *path, uint8_t **ret_bytes, size_t *ret_size, struct fault *fault)
{
    char name[FILE_NAME_SIZE];
    file_short_name(path, name);
    return file_read(path, name, JIG_FILE_MAX, ret_bytes, ret_size, fault);
}

void document_entry_key(char *ret_key, size_t size, const char *list, size_t index)
{
    (void)snprintf(ret_key, size, "%s[%zu]", list, index + 1);
}

static struct place find_place(const struct spot *spot, const char *key, char ret_path[PLACE_PATH_SIZE])
{
    bool joined = spot->under[0] != '\0' && key[0] != '\0' && key[0] != '[';
    (void)snprintf(ret_path, PLACE_PATH_SIZE, "%s%s%s", spot->under, joined ? "." : "", key);
    return places_of(&spot->document->places, ret_path);
}

bool document_refuse(const struct spot *spot, const char *key, enum fault_code code, const char *format, ...)
{
    char text[sizeof spot->fault->text];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    char path[PLACE_PATH_SIZE];
    struct place place = find_place(spot, key, path);
    return fault_set(spot->fault, code, 0, "%s:%u:%u: %s%s%s", spot->document->name, place.line, place.column, path,
                     path[0] ? ": " : "", text);
}

bool document_within(const struct spot *spot, const char *key)
{
    char path[PLACE_PATH_SIZE];
    struct place place = find_place(spot, key, path);
    return fault_within(spot->fault, "%.48s:%u:%u: %s", spot->document->name, place.line, place.column, path);
}
