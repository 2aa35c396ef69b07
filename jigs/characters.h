/* characters.h -- text that says what it shows.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private
 */
#pragma once

#include "base/fault.h"

/* How many bytes in front are well-formed UTF-8 without control characters and without the marks that hide letters or
 * turn the direction of writing. Line feeds count as plain when `lines` is true. When fewer than `size`, `ret_reason`
 * is what is wrong with the next one: static words. */
NODISCARD NONNULL(1, 4) size_t characters_plain(const uint8_t *bytes, size_t size, bool lines, const char **ret_reason);
