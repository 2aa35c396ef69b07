/* json.h -- a bounded writer of JSON text: the facts of an evidence row, the station's event lines, a command's answer.
 *
 * A writer that was asked for more than fits stays failed, so that a whole object may be written in a row and asked
 * about once, at the end. Texts from units are hostile: control characters are escaped and bytes that are not UTF-8
 * become U+FFFD.
 *
 * Owner    the caller owns the buffer; the writer is a value
 * Threads  a writer belongs to one thread
 * Secrets  none: `struct secret` has no door here
 * Layer    station/flow/
 * Spec     RFC 8259
 */
#pragma once

#include "base/fault.h"

struct json {
    char *text;
    size_t size;
    size_t at;
    bool comma; /* something stands before the next value on this level */
    bool failed;
};

/* `size` counts the terminator. */
NODISCARD NONNULL(1) struct json json_over(char *text, size_t size);

/* `key` is NULL at the top and inside a list; keys are fixed words and are not escaped. `bracket` is '{' or '['. */
NONNULL(1) void json_open(struct json *json, const char *key, char bracket);
/* `bracket` is '}' or ']'. */
NONNULL(1) void json_close(struct json *json, char bracket);

NONNULL(1, 3) void json_text(struct json *json, const char *key, const char *value);
NONNULL(1) void json_number(struct json *json, const char *key, int64_t value);
NONNULL(1) void json_bool(struct json *json, const char *key, bool value);
/* Lower-case hex; at most 64 bytes. */
NONNULL(1, 3) void json_hex(struct json *json, const char *key, const void *bytes, size_t size);

/* True when everything did fit. Faults: INTERNAL, naming `what`. */
NODISCARD NONNULL(1, 2, 3) bool json_end(const struct json *json, const char *what, struct fault *fault);
