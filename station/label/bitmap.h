/* bitmap.h -- one label as dots: what every printer gets, and the only form in which a password leaves this room.
 *
 * Owner    the caller frees the bitmap
 * Threads  one bitmap belongs to one thread
 * Secrets  the dots show the label's passwords: they lie in pages of their own, locked in memory, left out of core
 *          files, and are wiped when freed
 * Layer    station/label/ may include base/ and jigs/ only
 */
#pragma once

#include "base/fault.h"

#define LABEL_DOTS_MAX 4096 /* in each direction: 173 mm at 600 dpi */

struct label_bitmap {
    uint32_t width, height; /* dots */
    uint32_t stride;        /* bytes per row: (width + 7) / 8; the bits past the width are clear */
    uint8_t *rows;          /* stride * height bytes; a set bit is ink, most significant first */
};

/* A blank label. Faults: LABEL_VALUE for a size of 0 or over LABEL_DOTS_MAX, SECRET_MEMORY. */
NODISCARD NONNULL(3, 4) bool label_bitmap_new(uint32_t width, uint32_t height, struct label_bitmap **ret_bitmap,
                                              struct fault *fault);
void label_bitmap_free(struct label_bitmap *bitmap);
DEFINE_CLEANUP(struct label_bitmap *, label_bitmap_free)

NODISCARD NONNULL(1) size_t label_bitmap_size(const struct label_bitmap *bitmap);

/* False outside the label. */
NODISCARD NONNULL(1) bool label_bitmap_dot(const struct label_bitmap *bitmap, uint32_t x, uint32_t y);
/* Outside the label nothing happens. */
NONNULL(1) void label_bitmap_ink(struct label_bitmap *bitmap, uint32_t x, uint32_t y);

/* Clears the bits past the width, after rows were copied in from outside. */
NONNULL(1) void label_bitmap_trim(struct label_bitmap *bitmap);
