/* wire.h -- a label request and its answer as bytes between a worker and its rendering child.
 *
 *   request  u32 size, then: u32 magic, u32 width and height in micrometres, u32 dpi, u16 path, u8 hash (0 or 32
 *            bytes), u8 fields, each: u8 name, u8 secret, u16 value
 *   answer   u32 0, u32 width, u32 height, rows   or   u32 fault, u64 native, u16 text
 *
 * Numbers are big-endian; texts and byte strings stand behind their own length.
 *
 * Owner    the caller frees what it gets
 * Threads  any
 * Secrets  a request holds the label's passwords, and is a secret itself
 * Layer    station/label/
 */
#pragma once

#include "station/label/label.h"

#define WIRE_REQUEST_MAX 8192
#define WIRE_ANSWER_HEAD_MAX 512

/* Faults: LABEL_VALUE when a field is too long or a name is none, BAD_BYTES when it does not fit, SECRET_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool wire_pack_request(const struct label_request *request, struct secret **ret_packed,
                                                  struct fault *fault);

/* A request that owns what it points to. */
struct wire_request {
    struct label_request request;
    char path[LABEL_PATH_SIZE];
    uint8_t sha256[LABEL_SHA256_SIZE];
    struct label_field fields[LABEL_FIELDS_MAX];
    char names[LABEL_FIELDS_MAX][LABEL_FIELD_NAME_SIZE];
    char values[LABEL_FIELDS_MAX][LABEL_VALUE_MAX + 1];
    struct secret *secrets[LABEL_FIELDS_MAX];
};

void wire_request_free(struct wire_request *request);
DEFINE_CLEANUP(struct wire_request *, wire_request_free)

/* Faults: BAD_BYTES, SECRET_MEMORY, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool wire_unpack_request(const uint8_t *bytes, size_t size,
                                                    struct wire_request **ret_request, struct fault *fault);
