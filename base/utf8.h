/* utf8.h -- whether foreign text is text.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    base/, below faults: a fault's own text goes through here
 * Spec     RFC 3629
 */
#pragma once

#include "base/compiler.h"

/* The length in bytes, 1 to 4, of the well-formed UTF-8 character that `text` begins with (RFC 3629); 0 when it is
 * broken or when the text is at its end. Never reads past the terminator. */
NODISCARD NONNULL(1) size_t utf8_size(const char *text);

/* True when the well-formed character that `text` begins with is a control character, U+0000 to U+001F or U+007F to
 * U+009F: a terminal would obey it. */
NODISCARD NONNULL(1) bool utf8_is_control(const char *text);
