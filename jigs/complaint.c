#include "jigs/complaint.h"

#include <stdio.h>
#include <string.h>

static void hear_step(struct complaint *complaint, const char *text)
{
    if (complaint->step_count == COMPLAINT_STEPS_MAX)
        return;
    struct complaint_step step = {0};
    step.in_list = sscanf(text, " in sequence entry '%u'", &step.entry) == 1;
    bool is_step = step.in_list || sscanf(text, " in mapping field '%32[^']'", step.key) == 1 ||
                   strncmp(text, "in mapping ", sizeof "in mapping " - 1) == 0;
    if (is_step)
        complaint->steps[complaint->step_count++] = step;
}

void complaint_hear(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    (void)level;
    struct complaint *complaint = context;
    char text[sizeof complaint->said];
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';

    const char *words = text;
    if (strncmp(words, "Load: ", 6) == 0)
        words += 6;
    words += strspn(words, " ");
    if (complaint->said[0] == '\0')
        memcpy(complaint->said, words, strlen(words) + 1);
    else
        hear_step(complaint, words);
}

/* The path of the outermost `count` steps, and the schema of what stands there. */
static const struct cyaml_schema_value *follow(const struct complaint *complaint, size_t from,
                                               const struct cyaml_schema_value *schema, char path[PLACE_PATH_SIZE])
{
    size_t at = 0;
    path[0] = '\0';
    for (size_t i = complaint->step_count; i > from && schema; i--) {
        const struct complaint_step *step = &complaint->steps[i - 1];
        if (step->in_list ? step->entry == 0 : step->key[0] == '\0')
            continue; /* it was at its very beginning or end: nothing further in */
        int length = step->in_list ? snprintf(path + at, PLACE_PATH_SIZE - at, "[%u]", step->entry)
                                   : snprintf(path + at, PLACE_PATH_SIZE - at, "%s%s", at ? "." : "", step->key);
        at += length > 0 && (size_t)length < PLACE_PATH_SIZE - at ? (size_t)length : 0;

        if (step->in_list) {
            schema = schema->type == CYAML_SEQUENCE ? schema->sequence.entry : NULL;
            continue;
        }
        const struct cyaml_schema_field *field = schema->type == CYAML_MAPPING ? schema->mapping.fields : NULL;
        while (field && field->key && strcmp(field->key, step->key) != 0)
            field++;
        schema = field && field->key ? &field->value : NULL;
    }
    return schema;
}

/* "a, b, c" of a mapping's keys, as many as fit. */
static void list_keys(const struct cyaml_schema_value *schema, char *ret_text, size_t size)
{
    size_t at = 0;
    ret_text[0] = '\0';
    if (!schema || schema->type != CYAML_MAPPING)
        return;
    for (const struct cyaml_schema_field *field = schema->mapping.fields; field->key && at + 1 < size; field++) {
        int length = snprintf(ret_text + at, size - at, "%s%s", at ? ", " : "", field->key);
        at += length > 0 ? (size_t)length : 0;
    }
}

/* A key that is unknown, doubled or missing. The innermost step is then the mapping itself, and its key, if it has one,
 * is only the one that was read before. */
static bool refuse_key(const struct complaint *complaint, const struct cyaml_schema_value *schema,
                       const struct places *places, const char *name, struct fault *fault)
{
    static const struct {
        const char *said, *words;
    } kinds[] = {
        {"Unexpected key: ", "unknown key; expected one of "},
        {"Missing required mapping field: ", "missing key"},
        {"Mapping field already seen: ", "doubled key; expected it once"},
    };
    bool in_mapping = complaint->step_count > 0 && !complaint->steps[0].in_list;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        size_t length = strlen(kinds[i].said);
        if (strncmp(complaint->said, kinds[i].said, length) != 0)
            continue;
        char path[PLACE_PATH_SIZE], whole[2 * PLACE_PATH_SIZE], keys[160] = "";
        schema = follow(complaint, in_mapping ? 1 : 0, schema, path);
        (void)snprintf(whole, sizeof whole, "%s%s%.32s", path, path[0] ? "." : "", complaint->said + length);
        if (i == 0)
            list_keys(schema, keys, sizeof keys);
        struct place place = places_of(places, whole);
        return fault_set(fault, FAULT_CONFIG_KEY, 0, "%s:%u:%u: %s: %s%s", name, place.line, place.column, whole,
                         kinds[i].words, keys);
    }
    return true;
}

/* What a value of the schema's kind looks like. */
static const char *shape_words(const struct cyaml_schema_value *schema)
{
    if (!schema)
        return NULL;
    switch (schema->type) {
    case CYAML_SEQUENCE:
        return "a list";
    case CYAML_MAPPING:
        return "keys and values of its own";
    case CYAML_STRING:
        return "a single value";
    default:
        return NULL;
    }
}

bool complaint_refuse(const struct complaint *complaint, const struct cyaml_schema_value *schema,
                      const struct places *places, const char *name, struct fault *fault)
{
    if (!refuse_key(complaint, schema, places, name, fault))
        return false;

    unsigned limit;
    bool too_many = sscanf(complaint->said, "Excessive entries (%u max)", &limit) == 1;
    bool too_few = !too_many && sscanf(complaint->said, "Insufficient entries (%*u of %u min)", &limit) == 1;
    bool at_entry = complaint->step_count > 0 && complaint->steps[0].in_list;

    char path[PLACE_PATH_SIZE];
    const struct cyaml_schema_value *here = follow(complaint, (too_many || too_few) && at_entry, schema, path);
    struct place place = places_of(places, path);
    const char *dots = path[0] ? ": " : "";
    if (too_many || too_few)
        return fault_set(fault, FAULT_CONFIG_VALUE, 0, "%s:%u:%u: %s%sexpected at %s %u entries", name, place.line,
                         place.column, path, dots, too_many ? "most" : "least", limit);
    const char *shape = strncmp(complaint->said, "Expecting ", 10) == 0 ? shape_words(here) : NULL;
    return fault_set(fault, FAULT_CONFIG_VALUE, 0, "%s:%u:%u: %s%s%s%s", name, place.line, place.column, path, dots,
                     shape ? "expected " : "", shape ? shape : complaint->said);
}
