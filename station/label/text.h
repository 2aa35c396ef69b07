/* text.h -- one text of a template: its fields filled in, and whether it can be read.
 *
 * Owner    nodes belong to their document
 * Threads  the main thread
 * Secrets  the filled text may show one; libxml2 keeps copies (label.h)
 * Layer    station/label/
 */
#pragma once

#include "station/label/field.h"
#include "station/label/font.h"

#include <libxml/tree.h>

struct text_pen {
    struct field_values *values; /* NULL: every field becomes a line of letters, to have their shapes at hand */
    struct font_book *fonts;
    unsigned dpi;
};

NODISCARD NONNULL(1) bool text_has_fields(const xmlNode *element);

/* Fills the fields of a `text` element, and looks at its size, its font and every character of it. A text without
 * fields stays as it is. `ret_blank`: nothing but spaces is left.
 *
 * Faults: LABEL_TEMPLATE, LABEL_VALUE, LABEL_FONT, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool text_fill(const struct text_pen *pen, xmlNode *element, bool *ret_blank,
                                             struct fault *fault);
