/* needles.h -- looks for many known passwords, in every form in which one is likely to be left lying, in a tree of
 * files.
 *
 * The forms: as it is; in groups of 4 and 5, as a label shows it; reversed; hexadecimal in both cases; base64 behind 0,
 * 1 and 2 foreign bytes; UTF-16 in both byte orders. Names of files are searched as well as what is in them.
 *
 * Owner    the caller frees the needles
 * Threads  one
 * Secrets  test passwords only
 * Layer    tests/
 */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct needles;

/* Both abort without memory. */
NODISCARD struct needles *needles_new(void);
void needles_free(struct needles *needles);
DEFINE_CLEANUP(struct needles *, needles_free)

/* Adds every form of a password of 8 to 32 letters and digits. Aborts for another. */
NONNULL(1, 2) void needles_add(struct needles *needles, const char *password);

/* How many forms there are of the last password that was added, and one of them; for planting. */
NODISCARD NONNULL(1) size_t needles_forms(const struct needles *needles);
NODISCARD NONNULL(1, 3) const uint8_t *needles_form(const struct needles *needles, size_t form, size_t *ret_size);

/* The number of places in these bytes where a form begins. */
NODISCARD NONNULL(1) size_t needles_count(const struct needles *needles, const uint8_t *bytes, size_t size);

struct needles_sum {
    size_t files, bytes;
    size_t found;     /* places */
    size_t pictures;  /* files with the beginning of a label as a printer gets it: PNG, PWG raster, ZPL */
    char where[4096]; /* the last file with a find; without one, the last with a picture */
};

/* Everything under the directory, without following links and without `left_out`, a folder's name in it, or NULL.
 * Aborts when a file cannot be read. */
NONNULL(1, 2, 4)
void needles_search(const struct needles *needles, const char *directory, const char *left_out,
                    struct needles_sum *ret_sum);
