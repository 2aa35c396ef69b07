/* complaint.h -- what libcyaml says when it refuses a file, in the house's words.
 *
 * libcyaml reports through its log: first what is wrong, then a backtrace of the mappings and lists it was in,
 * innermost first. The line it gives is that of the surrounding value, so only its words and the path are taken from
 * it.
 *
 * Owner    values
 * Threads  one complaint belongs to one load
 * Secrets  none
 * Layer    jigs/, private
 */
#pragma once

#include <cyaml/cyaml.h>
#include <stdarg.h>

#include "jigs/places.h"

#define COMPLAINT_STEPS_MAX 8

struct complaint_step {
    bool in_list;   /* otherwise in a mapping */
    char key[33];   /* of a mapping; empty: none was being read */
    unsigned entry; /* of a list, from 1; 0: none was being read */
};

struct complaint {
    char said[192];
    struct complaint_step steps[COMPLAINT_STEPS_MAX]; /* innermost first */
    size_t step_count;
};

/* A cyaml_log_fn_t whose context is a struct complaint. */
void complaint_hear(cyaml_log_t level, void *context, const char *format, va_list arguments) PRINTF(3, 0);

/* Fills the fault with file, place, key and what was expected there. Always false.
 *
 * Faults: CONFIG_KEY, CONFIG_VALUE.
 */
NONNULL(1, 2, 3, 4, 5)
bool complaint_refuse(const struct complaint *complaint, const struct cyaml_schema_value *schema,
                      const struct places *places, const char *name, struct fault *fault);
