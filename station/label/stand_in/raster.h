/* raster.h -- a page of PWG raster as a bitmap, read by libcups: it is the other side of station/label/pwg.h.
 *
 * libcups keeps two lines of a page unwiped. A stand-in has made-up passwords, and no station runs one.
 *
 * Owner    the caller frees the bitmap
 * Threads  one
 * Secrets  labels show passwords
 * Layer    station/label/stand_in/
 */
#pragma once

#include "station/label/bitmap.h"

/* One page of black_1 or sgray_8 at that resolution. Faults: BAD_BYTES, NO_MEMORY, SECRET_MEMORY, LABEL_VALUE. */
NODISCARD NONNULL(1, 4, 5) bool raster_read(const uint8_t *bytes, size_t size, unsigned dpi,
                                            struct label_bitmap **ret_bitmap, struct fault *fault);
