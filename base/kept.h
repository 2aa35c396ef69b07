/* kept.h -- small texts that must be on the disk when we say so: heads of the log and of a station's chain.
 *
 * Owner    values
 * Threads  one
 * Secrets  none
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

/* All of a file of less than `size` bytes, with a terminator behind; `ret_length` 0 when there is none. Faults: FILE.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool kept_read(const char *path, char *ret_text, size_t size, size_t *ret_length,
                                             struct fault *fault);

/* Written aside, forced to the disk, and put in the place of what was there; its directory is forced too. One writer at
 * a time; whoever reads meanwhile gets the old text or the new one, whole. Faults: FILE. */
NODISCARD NONNULL(1, 2, 3) bool kept_write(const char *path, const char *text, struct fault *fault);
