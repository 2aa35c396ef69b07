/* figures.h -- how often and how long the token was asked, for status pages and commands.
 *
 * Counted by the calling thread, since it started, over all tokens.
 *
 * Owner    values
 * Threads  each has its own
 * Secrets  none
 * Layer    hsm/
 */
#pragma once

#include "base/compiler.h"

struct figures {
    const char *function; /* "C_Sign"; static storage */
    uint64_t calls;       /* that were answered, well or not */
    int64_t total_ns;
    int64_t largest_ns;
};

/* Walks the functions that were called at least once, in a fixed order: false when `index` is past the end. */
NODISCARD NONNULL(2) bool figures_at(size_t index, struct figures *ret_figures);

/* For hsm/call.c alone. */
NONNULL(2) void figures_add(size_t function, const char *name, int64_t took_ns);
