/* specimen.h -- makes a label that nobody can take for a unit's.
 *
 * Owner    the caller's bitmap is changed in place
 * Threads  any
 * Secrets  none: a specimen shows made-up values
 * Layer    station/label/
 */
#pragma once

#include "station/label/bitmap.h"

/* Writes SPECIMEN from corner to corner, as large as the label allows. The dots under its letters are turned around,
 * so that what stands there stays readable. */
NONNULL(1) void specimen_mark(struct label_bitmap *bitmap);
