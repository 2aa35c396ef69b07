#include "station/label/wire.h"

#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAGIC 0x4b4c5231u /* "KLR1" */

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

static void pack(struct writer *writer, const struct label_request *request)
{
    size_t path = strlen(request->template_path);
    writer_u32(writer, 0); /* the size, when it is known */
    writer_u32(writer, REQUEST_MAGIC);
    writer_u32(writer, micrometres(request->width_mm));
    writer_u32(writer, micrometres(request->height_mm));
    writer_u32(writer, request->dpi);
    writer_u16(writer, (uint16_t)path);
    writer_bytes(writer, request->template_path, path);
    writer_u8(writer, request->template_sha256 ? LABEL_SHA256_SIZE : 0);
    if (request->template_sha256)
        writer_bytes(writer, request->template_sha256, LABEL_SHA256_SIZE);
    writer_u8(writer, (uint8_t)request->field_count);
    for (size_t i = 0; i < request->field_count; i++)
        pack_field(writer, &request->fields[i]);
}

bool wire_pack_request(const struct label_request *request, struct secret **ret_packed, struct fault *fault)
{
    if (request->field_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%zu fields: at most %d", request->field_count, LABEL_FIELDS_MAX);
    if (strlen(request->template_path) >= LABEL_PATH_SIZE)
        return fault_set(fault, FAULT_LABEL_TEMPLATE, 0, "the template's path is longer than %d", LABEL_PATH_SIZE - 1);
    for (size_t i = 0; i < request->field_count; i++)
        if (!check_field(&request->fields[i], i, fault))
            return false;
    CLEANUP(secret_freep) struct secret *packed = secret_new(WIRE_REQUEST_MAX);
    if (!packed)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label request");
    struct writer writer = writer_over(secret_write(packed), secret_size(packed));
    pack(&writer, request);
    if (!writer_end(&writer, "label request", fault))
        return false;
    struct writer size = writer_over(secret_write(packed), sizeof(uint32_t));
    writer_u32(&size, (uint32_t)(writer.at - sizeof(uint32_t)));
    *ret_packed = TAKE(packed);
    return true;
}

void wire_request_free(struct wire_request *request)
{
    if (!request)
        return;
    for (size_t i = 0; i < LABEL_FIELDS_MAX; i++)
        secret_free(request->secrets[i]);
    free(request);
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
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: cut short in a secret");
    }
    struct secret *secret = secret_new(size);
    if (!secret)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no locked memory for a label's value");
    memcpy(secret_write(secret), bytes, size);
    *ret_secret = secret;
    return true;
}

static bool unpack_field(struct reader *reader, struct wire_request *wire, size_t at, struct fault *fault)
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
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: field %zu is not as it must be", at + 1);
    return true;
}

bool wire_unpack_request(const uint8_t *bytes, size_t size, struct wire_request **ret_request, struct fault *fault)
{
    CLEANUP(wire_request_freep) struct wire_request *wire = calloc(1, sizeof *wire);
    if (!wire)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for a label request");
    struct reader reader = reader_over(bytes, size);
    if (reader_u32(&reader) != REQUEST_MAGIC)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: not one");
    wire->request.width_mm = reader_u32(&reader) / 1000.0;
    wire->request.height_mm = reader_u32(&reader) / 1000.0;
    wire->request.dpi = reader_u32(&reader);
    (void)unpack_text(&reader, reader_u16(&reader), wire->path, sizeof wire->path);
    wire->request.template_path = wire->path;
    uint8_t hash = reader_u8(&reader);
    if (hash == LABEL_SHA256_SIZE) {
        reader_copy(&reader, wire->sha256, sizeof wire->sha256);
        wire->request.template_sha256 = wire->sha256;
    }
    wire->request.fields = wire->fields;
    wire->request.field_count = reader_u8(&reader);
    if ((hash != 0 && hash != LABEL_SHA256_SIZE) || wire->request.field_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "label request: impossible numbers");
    for (size_t i = 0; i < wire->request.field_count; i++)
        if (!unpack_field(&reader, wire, i, fault))
            return false;
    if (!reader_end(&reader, "label request", fault))
        return false;
    *ret_request = TAKE(wire);
    return true;
}
