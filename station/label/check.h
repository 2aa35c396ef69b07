/* check.h -- what people would see wrong: nothing off the label, nothing over something else, nothing invisible.
 *
 * Measured on the ink of each text with its real values, not on its line box. No two parts of a label have a dot in
 * common, be it the palest: this is also what makes it right to print them one by one (ink_print).
 *
 * Owner    the caller clears the struct
 * Threads  the main thread
 * Secrets  the ink shows them; faults name elements only
 * Layer    station/label/
 */
#pragma once

#include "station/label/drawing.h"
#include "station/label/template.h"

/* Where things are on one label. */
struct layout {
    struct box inside;                       /* ink outside would be cut off */
    struct ink art;                          /* lines and shapes */
    struct box places[TEMPLATE_SYMBOLS_MAX]; /* of the codes, quiet zones included */
};

/* For CLEANUP(). */
void layout_clear(struct layout *layout);

/* Measures the art and the places of the codes in `drawing`, a template's with and `art` its without texts.
 * Faults: LABEL_TEMPLATE naming the element, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool layout_open(const struct template *template, const struct drawing *drawing,
                                                  const struct drawing *art, struct layout *ret_layout,
                                                  struct fault *fault);

/* Whether the ink of the text at this index is where it may be. `boxes` are those of the texts that were found good
 * before, at their own index and empty elsewhere; this one's is added.
 *
 * Faults: LABEL_TEMPLATE naming the element.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool layout_check_text(const struct layout *layout, const struct template *template,
                                                        size_t at, const struct ink *ink,
                                                        struct box boxes[TEMPLATE_TEXTS_MAX], struct fault *fault);
