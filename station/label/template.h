/* template.h -- an SVG template: checked against the grammar of the README when it is read, and filled through its DOM
 * once for each label.
 *
 * Owner    the caller clears the structs
 * Threads  the main thread
 * Secrets  none in the template; the filled label shows them, and libxml2 keeps copies (label.h)
 * Layer    station/label/; template.c, text.c and element.c are the only users of libxml2
 */
#pragma once

#include "station/label/field.h"
#include "station/label/font.h"
#include "station/label/symbol.h"

#define TEMPLATE_TEXTS_MAX 48
#define TEMPLATE_SYMBOLS_MAX 6
#define TEMPLATE_ID_SIZE 41

struct template_text {
    char id[TEMPLATE_ID_SIZE];
    bool has_fields; /* otherwise it is the same on every label */
    bool blank;      /* without fields, and nothing but spaces: it draws nothing, and need not */
};

struct template_symbol {
    char id[TEMPLATE_ID_SIZE];
    struct symbol_options options;
    struct wiped pattern; /* its value with fields in braces, and a terminator */
};

struct template
{
    char name[64]; /* of its file, for faults */
    double width_mm, height_mm;
    unsigned dpi;
    struct template_text texts[TEMPLATE_TEXTS_MAX];
    size_t text_count;
    struct template_symbol symbols[TEMPLATE_SYMBOLS_MAX];
    size_t symbol_count;
    struct _xmlDoc *whole;  /* the rectangles of codes draw nothing */
    struct _xmlDoc *fields; /* of that, only the texts with fields */
};

/* For CLEANUP(). */
void template_clear(struct template *template);

/* Reads at most 256 KiB; takes all of the request but its fields. Texts without fields are looked at here.
 *
 * Faults: LABEL_TEMPLATE, LABEL_FONT, FILE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool template_open(const struct label_request *request, struct font_book *fonts,
                                                 struct template *ret_template, struct fault *fault);

/* As it was read, with fields in braces. `texts` is false: without them, what no text may touch. Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool template_svg(const struct template *template, bool texts, struct wiped *ret_svg,
                                             struct fault *fault);

struct template_filling {
    struct wiped svg;
    bool blank[TEMPLATE_TEXTS_MAX]; /* the fields are empty: it draws nothing, and need not */
    struct wiped codes[TEMPLATE_SYMBOLS_MAX];
};

/* For CLEANUP(). */
void template_filling_clear(struct template_filling *filling);

/* The texts that have fields, or with `whole` everything, with these values; and what the codes must say. With NULL for
 * the values there is a line of letters in each text, and there are no codes.
 *
 * Faults: LABEL_TEMPLATE, LABEL_VALUE, LABEL_FONT, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 5, 6) bool template_fill(const struct template *template, struct font_book *fonts,
                                                 struct field_values *values, bool whole,
                                                 struct template_filling *ret_filling, struct fault *fault);
