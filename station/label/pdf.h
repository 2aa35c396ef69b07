/* pdf.h -- a bitmap as a PDF: one page as large as the label, with one picture on it and no text.
 *
 * The dots are those that were checked and that a printer would get. A drawing of texts would be another label, drawn
 * by somebody else's fonts, and would hand its passwords to every search and every clipboard.
 *
 * Owner    the caller owns the buffer
 * Threads  any
 * Secrets  the picture shows what the bitmap shows. A PDF is made to be sent round, so only specimens become one
 *          (README of this room)
 * Layer    station/label/
 * Spec     ISO 32000-1: 7.5 file structure, 7.7 document structure, 8.9.5 image dictionaries
 */
#pragma once

#include "station/label/bitmap.h"
#include "station/label/wiped.h"

/* Appends the document to an empty buffer. Faults: NO_MEMORY, INTERNAL. */
NODISCARD NONNULL(1, 3, 4) bool pdf_append(const struct label_bitmap *bitmap, unsigned dpi, struct wiped *buffer,
                                           struct fault *fault);
