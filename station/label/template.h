/* template.h -- an SVG template, checked against the grammar of the README and filled through its DOM.
 *
 * Owner    the caller clears the struct
 * Threads  the main thread
 * Secrets  the filled label shows them; libxml2 keeps copies (label.h)
 * Layer    station/label/; template.c and element.c are the only users of libxml2
 */
#pragma once

#include "station/label/field.h"
#include "station/label/symbol.h"

#define TEMPLATE_TEXTS_MAX 48
#define TEMPLATE_SYMBOLS_MAX 6
#define TEMPLATE_ID_SIZE 41

struct template_text {
    char id[TEMPLATE_ID_SIZE];
    bool blank; /* its fields are empty: it draws nothing, and need not */
};

struct template_symbol {
    char id[TEMPLATE_ID_SIZE];
    struct symbol_options options;
    struct wiped value;
};

struct template
{
    double width_mm, height_mm;
    struct template_text texts[TEMPLATE_TEXTS_MAX];
    size_t text_count;
    struct template_symbol symbols[TEMPLATE_SYMBOLS_MAX];
    size_t symbol_count;
    struct wiped svg; /* filled; the rectangles of codes draw nothing */
    struct wiped art; /* the same without texts: what no text may touch */
};

/* For CLEANUP(). */
void template_clear(struct template *template);

/* Reads at most 256 KiB. Faults: LABEL_TEMPLATE, LABEL_VALUE, LABEL_FONT, FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool template_fill(const struct label_request *request, struct field_values *values,
                                                 struct template *ret_template, struct fault *fault);
