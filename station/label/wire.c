#include "station/label/wire.h"

#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORM_MAGIC 0x4b4c4632u   /* "KLF2" */
#define VALUES_MAGIC 0x4b4c5632u /* "KLV2" */
#define BIT_TWICE 1
#define BIT_AHEAD 2

static void pack_field(struct writer *writer, const struct label_field *field)
{
    size_t name = strnlen(field->name, LABEL_FIELD_NAME_SIZE);
    writer_u8(writer, (uint8_t)name);
    writer_bytes(writer, field->name, name);
    writer_u8(writer, field->secret != NULL);
    const void *value = field->secret ? (const void *)secret_read(field->secret) : field->value;
    size_t size = field->secret ? secret_size(field->secret) : strlen(field->value);
    writer_u16(writer, (uint16_t)size);
    writer_bytes(writer, value, size);
}

static bool check_field(const struct label_field *field, size_t at, struct fault *fault)
{
    if (!field->name || strnlen(field->name, LABEL_FIELD_NAME_SIZE) == LABEL_FIELD_NAME_SIZE)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field %zu has no name that may be", at + 1);
    if (!field->value == !field->secret)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' has no value, or two", field->name);
    size_t size = field->secret ? secret_size(field->secret) : strnlen(field->value, LABEL_VALUE_MAX + 1);
    if (size > LABEL_VALUE_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "field '%s' is longer than %d bytes", field->name,
                         LABEL_VALUE_MAX);
    return true;
}

static uint32_t micrometres(double millimetres)
{
    return millimetres > 0 && millimetres < 1e6 ? (uint32_t)lround(millimetres * 1000) : 0;
}

/* Puts the number of bytes that follow it in front. */
static void pack_size(uint8_t *bytes, size_t size)
{
    struct writer writer = writer_over(bytes, sizeof(uint32_t));
    writer_u32(&writer, (uint32_t)(size - sizeof(uint32_t)));
}

bool wire_pack_form(const struct label_request *request, bool ahead, uint8_t ret_bytes[WIRE_FORM_MAX], size_t *ret_size,
                    struct fault *fault)
{
    const size_t path = strlen(request->template_path);
    if (path >= LABEL_PATH_SIZE)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the template's path is longer than %d", LABEL_PATH_SIZE - 1);
    struct writer writer = writer_over(ret_bytes, WIRE_FORM_MAX);
    writer_u32(&writer, 0); /* the size, when it is known */
    writer_u32(&writer, FORM_MAGIC);
    writer_u32(&writer, micrometres(request->width_mm));
    writer_u32(&writer, micrometres(request->height_mm));
    writer_u32(&writer, request->dpi);
    writer_u8(&writer, (uint8_t)((request->twice ? BIT_TWICE : 0) | (ahead ? BIT_AHEAD : 0)));
    writer_u16(&writer, (uint16_t)path);
    writer_bytes(&writer, request->template_path, path);
    writer_u8(&writer, request->template_sha256 ? LABEL_SHA256_SIZE : 0);
    if (request->template_sha256)
        writer_bytes(&writer, request->template_sha256, LABEL_SHA256_SIZE);
    if (!writer_end(&writer, "label form", fault))
        return false;
    pack_size(ret_bytes, writer.at);
    *ret_size = writer.at;
    return true;
}

bool wire_pack_values(const struct label_request *request, struct secret **ret_packed, struct fault *fault)
{
    if (request->field_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%zu fields: at most %d", request->field_count, LABEL_FIELDS_MAX);
    for (size_t i = 0; i < request->field_count; i++)
        if (!check_field(&request->fields[i], i, fault))
            return false;
    CLEANUP(secret_freep) struct secret *packed = secret_new(WIRE_VALUES_MAX);
    if (!packed)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label's values");
    struct writer writer = writer_over(secret_write(packed), secret_size(packed));
    writer_u32(&writer, 0);
    writer_u32(&writer, VALUES_MAGIC);
    writer_u8(&writer, (uint8_t)request->field_count);
    for (size_t i = 0; i < request->field_count; i++)
        pack_field(&writer, &request->fields[i]);
    if (!writer_end(&writer, "label values", fault))
        return false;
    pack_size(secret_write(packed), writer.at);
    *ret_packed = TAKE(packed);
    return true;
}

void wire_form_free(struct wire_form *form)
{
    free(form);
}

void wire_values_free(struct wire_values *values)
{
    if (!values)
        return;
    for (size_t i = 0; i < LABEL_FIELDS_MAX; i++)
        secret_free(values->secrets[i]);
    free(values);
}

static bool unpack_text(struct reader *reader, size_t length, char *ret_text, size_t size)
{
    const uint8_t *bytes = length < size ? reader_take(reader, length) : NULL;
    if (!bytes || memchr(bytes, '\0', length)) {
        reader->failed = true;
        return false;
    }
    memcpy(ret_text, bytes, length);
    ret_text[length] = '\0';
    return true;
}

static bool unpack_secret(struct reader *reader, size_t size, struct secret **ret_secret, struct fault *fault)
{
    const uint8_t *bytes = size <= LABEL_VALUE_MAX ? reader_take(reader, size) : NULL;
    if (!bytes) {
        reader->failed = true;
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label values: cut short in a secret");
    }
    struct secret *secret = secret_new(size);
    if (!secret)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label's value");
    memcpy(secret_write(secret), bytes, size);
    *ret_secret = secret;
    return true;
}

static bool unpack_field(struct reader *reader, struct wire_values *wire, size_t at, struct fault *fault)
{
    struct label_field *field = &wire->fields[at];
    (void)unpack_text(reader, reader_u8(reader), wire->names[at], sizeof wire->names[at]);
    field->name = wire->names[at];
    bool secret = reader_u8(reader) != 0;
    size_t size = reader_u16(reader);
    if (secret) {
        if (!unpack_secret(reader, size, &wire->secrets[at], fault))
            return false;
        field->secret = wire->secrets[at];
    } else {
        (void)unpack_text(reader, size, wire->values[at], sizeof wire->values[at]);
        field->value = wire->values[at];
    }
    if (reader->failed)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label values: field %zu is not as it must be", at + 1);
    return true;
}

bool wire_unpack_values(const uint8_t *bytes, size_t size, struct wire_values **ret_values, struct fault *fault)
{
    CLEANUP(wire_values_freep) struct wire_values *values = calloc(1, sizeof *values);
    if (!values)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a label's values");
    struct reader reader = reader_over(bytes, size);
    if (reader_u32(&reader) != VALUES_MAGIC)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label values: not such");
    values->field_count = reader_u8(&reader);
    if (values->field_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label values: %zu fields", values->field_count);
    for (size_t i = 0; i < values->field_count; i++)
        if (!unpack_field(&reader, values, i, fault))
            return false;
    if (!reader_end(&reader, "label values", fault))
        return false;
    *ret_values = TAKE(values);
    return true;
}

bool wire_unpack_form(const uint8_t *bytes, size_t size, struct wire_form **ret_form, struct fault *fault)
{
    CLEANUP(wire_form_freep) struct wire_form *form = calloc(1, sizeof *form);
    if (!form)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a label form");
    struct reader reader = reader_over(bytes, size);
    if (reader_u32(&reader) != FORM_MAGIC)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label form: not one");
    form->request.width_mm = reader_u32(&reader) / 1000.0;
    form->request.height_mm = reader_u32(&reader) / 1000.0;
    form->request.dpi = reader_u32(&reader);
    const uint8_t bits = reader_u8(&reader);
    form->request.twice = bits & BIT_TWICE;
    form->ahead = bits & BIT_AHEAD;
    (void)unpack_text(&reader, reader_u16(&reader), form->path, sizeof form->path);
    form->request.template_path = form->path;
    const uint8_t hash = reader_u8(&reader);
    if (hash != 0) {
        reader_copy(&reader, form->sha256, sizeof form->sha256);
        form->request.template_sha256 = form->sha256;
    }
    if ((hash != 0 && hash != LABEL_SHA256_SIZE) || (bits & ~(BIT_TWICE | BIT_AHEAD)))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label form: impossible numbers");
    if (!reader_end(&reader, "label form", fault))
        return false;
    *ret_form = TAKE(form);
    return true;
}
