/* plate.h -- a label with everything on it that is the same for every unit, drawn before a unit's values are known.
 *
 * What is left to do when the values come is to draw the texts that have fields and the codes, and to look at them.
 *
 * Owner    the caller frees the plate
 * Threads  the main thread
 * Secrets  none until the first label; from then on librsvg and others keep copies of the values (label.h)
 * Layer    station/label/
 */
#pragma once

#include "station/label/label.h"

struct label_plate;

/* Takes all of the request but its fields. Faults: LABEL_TEMPLATE, LABEL_FONT, LABEL_VALUE, FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool label_plate_make(const struct label_request *request, struct label_plate **ret_plate,
                                                 struct fault *fault);
void label_plate_free(struct label_plate *plate);
DEFINE_CLEANUP(struct label_plate *, label_plate_free)

/* Draws letters and codes where the fields will be, reads the codes and forgets it all, so that fonts, the shapes of
 * letters and the readers are at hand. Faults: LABEL_TEMPLATE, LABEL_UNREADABLE, NO_MEMORY, SECRET_MEMORY. */
NODISCARD NONNULL(1, 2) bool label_plate_warm(struct label_plate *plate, struct fault *fault);

/* One label. Faults: those of label_render(). */
NODISCARD NONNULL(1, 4, 5) bool label_plate_print(struct label_plate *plate, const struct label_field *fields,
                                                  size_t field_count, struct label_bitmap **ret_bitmap,
                                                  struct fault *fault);
