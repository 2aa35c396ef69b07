/* png.h -- a bitmap as a PNG picture: 1 bit per dot, black on white.
 *
 * Owner    the caller owns the buffer
 * Threads  any
 * Secrets  the picture shows the label's passwords
 * Layer    station/label/, and its stand-in printer
 * Spec     PNG (W3C, second edition): IHDR, pHYs, IDAT, IEND
 */
#pragma once

#include "station/label/bitmap.h"
#include "station/label/wiped.h"

/* Appends the picture. Faults: NO_MEMORY, INTERNAL. */
NODISCARD NONNULL(1, 3, 4) bool png_append(const struct label_bitmap *bitmap, unsigned dpi, struct wiped *buffer,
                                           struct fault *fault);

/* Writes the picture as directory/name, as picture_keep() does.
 *
 * Faults: FILE, NO_MEMORY, INTERNAL. On failure there is no such file.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool png_write(const struct label_bitmap *bitmap, unsigned dpi, const char *directory,
                                             const char *name, struct fault *fault);
