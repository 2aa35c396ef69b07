/* wire.h -- what a worker and its rendering child say to one another, as bytes.
 *
 *   form     u32 size, then: u32 magic, u32 width and height in micrometres, u32 dpi, u8 bits (1 twice, 2 ahead), u16
 *            path, u8 hash (0 or 32 bytes)
 *   ready    u32 0                                 or   a fault
 *   values   u32 size, then: u32 magic, u8 fields, each: u8 name, u8 secret, u16 value
 *   answer   u32 0, u32 width, u32 height, rows   or   a fault: u32 number, u64 native, u16 text
 *
 * Numbers are big-endian; texts and byte strings stand behind their own length.
 *
 * Owner    the caller frees what it gets
 * Threads  any
 * Secrets  values hold the label's passwords, and are a secret themselves
 * Layer    station/label/
 */
#pragma once

#include "station/label/label.h"

#define WIRE_FORM_MAX 1024
#define WIRE_VALUES_MAX 8192
#define WIRE_ANSWER_HEAD_MAX 512

/* A request but for its values. `ahead`: they will take a while yet. Faults: LABEL_TEMPLATE when the path is too long.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool wire_pack_form(const struct label_request *request, bool ahead,
                                                  uint8_t ret_bytes[WIRE_FORM_MAX], size_t *ret_size,
                                                  struct fault *fault);

/* A request without values that owns what it points to. */
struct wire_form {
    struct label_request request;
    bool ahead;
    char path[LABEL_PATH_SIZE];
    uint8_t sha256[LABEL_SHA256_SIZE];
};

void wire_form_free(struct wire_form *form);
DEFINE_CLEANUP(struct wire_form *, wire_form_free)

/* Takes what follows the size. Faults: BAD_BYTES, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool wire_unpack_form(const uint8_t *bytes, size_t size, struct wire_form **ret_form,
                                                 struct fault *fault);

/* Faults: LABEL_VALUE when a field is too long or a name is none, BAD_BYTES when it does not fit, SECRET_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool wire_pack_values(const struct label_request *request, struct secret **ret_packed,
                                                 struct fault *fault);

/* Fields that own what they point to. */
struct wire_values {
    struct label_field fields[LABEL_FIELDS_MAX];
    size_t field_count;
    char names[LABEL_FIELDS_MAX][LABEL_FIELD_NAME_SIZE];
    char values[LABEL_FIELDS_MAX][LABEL_VALUE_MAX + 1];
    struct secret *secrets[LABEL_FIELDS_MAX];
};

void wire_values_free(struct wire_values *values);
DEFINE_CLEANUP(struct wire_values *, wire_values_free)

/* Takes what follows the size. Faults: BAD_BYTES, SECRET_MEMORY, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool wire_unpack_values(const uint8_t *bytes, size_t size, struct wire_values **ret_values,
                                                   struct fault *fault);
