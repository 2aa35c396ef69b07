#include "schema/connection.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_TEXT 0
#define FORMAT_BINARY 1

void parameters_free(struct parameters *parameters)
{
    for (size_t i = 0; i < PARAMETERS_MAX; i++)
        free(parameters->allocated[i]);
    *parameters = (struct parameters){0};
}

static void add(struct parameters *parameters, const char *value, size_t size, int format)
{
    if (parameters->count == PARAMETERS_MAX || size > INT_MAX) {
        parameters->failed = true;
        return;
    }
    int at = parameters->count++;
    parameters->values[at] = value;
    parameters->sizes[at] = (int)size;
    parameters->formats[at] = format;
}

void parameter_text(struct parameters *parameters, const char *value)
{
    add(parameters, value, value ? strlen(value) : 0, FORMAT_TEXT);
}

void parameter_bytes(struct parameters *parameters, const uint8_t *bytes, size_t size)
{
    add(parameters, (const char *)bytes, size, FORMAT_BINARY);
}

/* The next parameter's own room; adding it is what takes the room. */
static char *room(struct parameters *parameters)
{
    return parameters->numbers[parameters->count < PARAMETERS_MAX ? parameters->count : 0];
}

void parameter_number(struct parameters *parameters, uint64_t value)
{
    char *text = room(parameters);
    (void)snprintf(text, sizeof parameters->numbers[0], "%" PRIu64, value);
    parameter_text(parameters, text);
}

void parameter_decimal(struct parameters *parameters, double value)
{
    char *text = room(parameters);
    (void)snprintf(text, sizeof parameters->numbers[0], "%.6f", value);
    parameter_text(parameters, text);
}

void parameter_uuid(struct parameters *parameters, const struct uuid *uuid)
{
    char *text = room(parameters);
    uuid_text(uuid, text);
    parameter_text(parameters, text);
}

bool array_begin(struct array *array)
{
    *array = (struct array){.text = strdup("{"), .size = 1};
    return array->text != NULL;
}

/* Makes room for `more` characters and a terminator; on failure the array becomes NULL and stays so. */
static char *grow(struct array *array, size_t more)
{
    char *text = array->text ? realloc(array->text, array->size + more + 1) : NULL;
    if (!text)
        free(array->text);
    array->text = text;
    return text ? text + array->size : NULL;
}

static void append(struct array *array, const char *text, size_t size)
{
    char *at = grow(array, size);
    if (!at)
        return;
    memcpy(at, text, size);
    at[size] = '\0';
    array->size += size;
}

static void separate(struct array *array)
{
    if (array->size > 1)
        append(array, ",", 1);
}

void array_add_text(struct array *array, const char *value)
{
    separate(array);
    append(array, "\"", 1);
    for (const char *at = value; *at; at++) {
        if (*at == '"' || *at == '\\')
            append(array, "\\", 1);
        append(array, at, 1);
    }
    append(array, "\"", 1);
}

void array_add_bytes(struct array *array, const uint8_t *bytes, size_t size)
{
    separate(array);
    append(array, "\"\\\\x", 4);
    char *at = grow(array, 2 * size);
    if (at) {
        hex_write(bytes, size, at);
        array->size += 2 * size;
    }
    append(array, "\"", 1);
}

void array_add_number(struct array *array, unsigned value)
{
    char text[16];
    separate(array);
    int size = snprintf(text, sizeof text, "%u", value);
    append(array, text, (size_t)size);
}

void parameter_array(struct parameters *parameters, struct array *array)
{
    append(array, "}", 1);
    if (!array->text || parameters->count == PARAMETERS_MAX) {
        free(array->text);
        parameters->failed = true;
    } else {
        parameters->allocated[parameters->count] = array->text;
        parameter_text(parameters, array->text);
    }
    *array = (struct array){0};
}
