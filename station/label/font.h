/* font.h -- whether the font a template names is really there, with every character it must draw.
 *
 * Fontconfig quietly gives another font for a missing one, and Pango another font's glyph for a missing character;
 * both would be a wrong label without an error.
 *
 * Owner    the caller clears the book; besides, nothing is kept but fontconfig's own configuration
 * Threads  the main thread
 * Secrets  the text may be one; faults name the code point only of a text that is none
 * Layer    station/label/, the only user of fontconfig
 */
#pragma once

#include "base/fault.h"

#define FONT_FAMILY_SIZE 65
#define FONT_BOOK_SIZE 8

/* Fonts that were looked up: finding one takes longer than reading a text against it. */
struct font_book {
    struct {
        char family[FONT_FAMILY_SIZE];
        bool bold;
        struct _FcPattern *match;
    } fonts[FONT_BOOK_SIZE];
    size_t count;
};

/* For CLEANUP(). */
void font_book_clear(struct font_book *book);

/* The family's name has less than FONT_FAMILY_SIZE bytes. A label with more than FONT_BOOK_SIZE fonts is refused.
 * Faults: LABEL_FONT, LABEL_TEMPLATE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4, 7) bool font_check(struct font_book *book, const char *family, bool bold, const char *text,
                                              size_t length, bool secret, struct fault *fault);
