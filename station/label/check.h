/* check.h -- what people would see wrong: nothing off the label, nothing over something else, nothing invisible.
 *
 * Measured on the ink of each text with its real values, not on its line box.
 *
 * Owner    nothing is kept
 * Threads  the main thread
 * Secrets  the ink shows them; faults name elements only
 * Layer    station/label/
 */
#pragma once

#include "station/label/drawing.h"
#include "station/label/template.h"

/* `places` are the boxes of the template's codes, quiet zones included, in their order.
 *
 * Faults: LABEL_TEMPLATE naming the element, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool check_layout(const struct template *template, const struct drawing *drawing,
                                                   const struct drawing *art, const struct box *places,
                                                   struct fault *fault);
