/* font.h -- whether the font a template names is really there, with every character it must draw.
 *
 * Fontconfig quietly gives another font for a missing one, and Pango another font's glyph for a missing character;
 * both would be a wrong label without an error.
 *
 * Owner    nothing is kept but fontconfig's own configuration
 * Threads  the main thread
 * Secrets  the text may be one; faults name the code point only of a text that is none
 * Layer    station/label/, the only user of fontconfig
 */
#pragma once

#include "base/fault.h"

/* Faults: LABEL_FONT. */
NODISCARD NONNULL(1, 3, 6) bool font_check(const char *family, bool bold, const char *text, size_t length, bool secret,
                                           struct fault *fault);
