/* pwg.h -- one label as a page of PWG raster, which every IPP printer that prints without a driver takes.
 *
 * libcups has a writer too (cupsRasterOpenIO). It keeps two lines of the page in memory of its own and frees them as
 * they are, so the page is written here, from the bitmap straight into memory that is wiped.
 *
 * Owner    the caller owns the buffer
 * Threads  any
 * Secrets  the page shows the label's passwords
 * Layer    station/label/
 * Spec     PWG 5102.4-2012: sync word, page header (4.3), compressed lines (4.4)
 */
#pragma once

#include "station/label/bitmap.h"
#include "station/label/wiped.h"

/* pwg-raster-document-type-supported: of these two a printer must have one. */
enum pwg_type {
    PWG_BLACK_1, /* one bit for a dot, set for ink */
    PWG_SGRAY_8, /* one byte for a dot, 0 for ink and 255 for none */
};

/* Appends the whole document: one page, one copy. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 4, 5) bool pwg_append_page(const struct label_bitmap *bitmap, unsigned dpi, enum pwg_type type,
                                                struct wiped *buffer, struct fault *fault);
