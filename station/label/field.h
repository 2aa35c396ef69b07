/* field.h -- values, the {{field|filter}} that stands for them in a template, and which characters they may have.
 *
 * Owner    values are views of the caller's
 * Threads  any
 * Secrets  values may be secrets; what they are expanded into is wiped
 * Layer    station/label/
 */
#pragma once

#include "station/label/label.h"
#include "station/label/wiped.h"

struct field_value {
    const char *name;
    const char *text; /* without a terminator */
    size_t length;
    bool secret;
    bool shown; /* set when it was expanded into a text that people read */
};

struct field_values {
    struct field_value at[LABEL_FIELDS_MAX + 2]; /* two that a request may leave out */
    size_t count;
};

/* What an expansion met. */
struct field_use {
    bool any;
    bool secret;
};

/* Views of fields.
 *
 * Faults: LABEL_VALUE for a doubled or impossible name, and for a value that is too long, not UTF-8, or has control,
 * invisible or direction-changing characters.
 */
NODISCARD NONNULL(3, 4) bool field_values_of(const struct label_field *fields, size_t field_count,
                                             struct field_values *ret_values, struct fault *fault);

/* NULL when there is none. */
NODISCARD NONNULL(1, 2) struct field_value *field_find(struct field_values *values, const char *name, size_t length);

/* Appends `text` with its fields filled in. `visible` is false inside codes, where groups have no place and a text
 * that begins with "WIFI:" takes only fields with the filter `wifi`.
 *
 * Faults: LABEL_TEMPLATE for an unknown field or filter or an open {{, LABEL_VALUE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool field_expand(const char *text, struct field_values *values, bool visible,
                                                   struct wiped *result, struct field_use *ret_use,
                                                   struct fault *fault);

/* Reads one character of UTF-8 and moves on; 0 when what stands there is none, or at the end. */
NODISCARD NONNULL(1, 2) uint32_t field_next_character(const char **at, const char *end);
